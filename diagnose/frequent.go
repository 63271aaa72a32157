package diagnose

// A frequent keeps a value for each of the most frequent keys, at most limit of
// them. It is the Space-Saving algorithm: where all places are taken, a new key
// takes the place of the rarest key and takes over its count. The value of the
// rarest key is dropped.
type frequent[K comparable, V any] struct {
	limit int
	slots []slot[K, V] // a heap, the rarest first
	index map[K]int    // where a key stands in slots
}

type slot[K comparable, V any] struct {
	key   K
	count int64
	value *V
}

func newFrequent[K comparable, V any](limit int) *frequent[K, V] {
	return &frequent[K, V]{limit: limit, index: map[K]int{}}
}

// at counts key n times and returns its value, which the caller may change.
func (f *frequent[K, V]) at(key K, n int64) *V {
	i, known := f.index[key]
	switch {
	case known:
		f.slots[i].count += n
	case len(f.slots) < f.limit:
		i = len(f.slots)
		f.slots = append(f.slots, slot[K, V]{key: key, count: n, value: new(V)})
		f.index[key] = i
		i = f.moveUp(i)
	default:
		delete(f.index, f.slots[0].key)
		f.slots[0] = slot[K, V]{key: key, count: f.slots[0].count + n, value: new(V)}
		f.index[key] = 0
	}
	value := f.slots[i].value
	f.moveDown(i)
	return value
}

// known returns the value of key; nil if there is none.
func (f *frequent[K, V]) known(key K) *V {
	if i, ok := f.index[key]; ok {
		return f.slots[i].value
	}
	return nil
}

// moveUp puts slot i before those with a higher count and returns its new place.
func (f *frequent[K, V]) moveUp(i int) int {
	for i > 0 && f.slots[i].count < f.slots[(i-1)/2].count {
		f.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	return i
}

// moveDown puts slot i behind those with a lower count.
func (f *frequent[K, V]) moveDown(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(f.slots); child++ {
			if f.slots[child].count < f.slots[least].count {
				least = child
			}
		}
		if least == i {
			return
		}
		f.swap(i, least)
		i = least
	}
}

func (f *frequent[K, V]) swap(i, k int) {
	f.slots[i], f.slots[k] = f.slots[k], f.slots[i]
	f.index[f.slots[i].key], f.index[f.slots[k].key] = i, k
}
