package dashboard

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The bounds of a request. Whatever is larger is refused before it is read further.
const (
	maxHeader = 256 << 10
	maxQuery  = 200 << 10
	// maxWaiting is how many questions may wait for their turn.
	maxWaiting = 64
)

// ServerConfig says what a Server serves.
type ServerConfig struct {
	Source Source
	// Name is the host name that the operator chose to listen at, if it is no address.
	// Requests may call the server by it, by localhost, or by the address that they came
	// to. All other names are refused: any web page can have a name of its own that leads
	// to this server.
	Name string
	// Live tells when there is more to ask for; nil if nothing is added.
	Live *Live
	// Patience is the longest time that a question may take, waiting for its turn included;
	// 0 stands for two minutes.
	Patience time.Duration
	// Failed is told why a question was not answered, and returns a sentence that the page
	// may show, or "".
	Failed func(error) string
}

// A Server shows the page and answers its questions over HTTP. It takes GET only, has no
// state but the answers that it keeps, and reads no file: the page is part of the program.
type Server struct {
	config  ServerConfig
	waiting chan struct{}
	kept    answers
}

// NewServer makes a Server.
func NewServer(c ServerConfig) *Server {
	if c.Patience == 0 {
		c.Patience = 2 * time.Minute
	}
	s := &Server{config: c, waiting: make(chan struct{}, maxWaiting)}
	if c.Live != nil {
		c.Live.onChange(s.kept.clear)
	}
	return s
}

// Serve answers the requests of a listener until ctx ends. Requests that run then are
// ended.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	h := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeader,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          log.New(io.Discard, "", 0), // what a foreign program sends is none of the operator's errors
	}
	done := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		cancel() // the questions that run
		patience, release := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer release()
		err := h.Shutdown(patience)
		if err != nil {
			err = h.Close()
		}
		done <- err
	})
	defer stop()
	if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-done
}

// policy is what the page may load: itself, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	for key, value := range map[string]string{
		"Content-Security-Policy":      policy,
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Embedder-Policy": "require-corp",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Cache-Control":                "no-store",
	} {
		h.Set(key, value)
	}
	switch {
	case !s.isOurs(r):
		refuse(w, http.StatusMisdirectedRequest, problem("", "this server is not called by that name: use localhost, or the address that clearhop serve prints"))
	case isForeign(r):
		refuse(w, http.StatusForbidden, problem("", "this page is not for other sites"))
	case r.Method != http.MethodGet:
		h.Set("Allow", http.MethodGet)
		refuse(w, http.StatusMethodNotAllowed, problem("", "only GET is answered"))
	case len(r.URL.RawQuery) > maxQuery:
		refuse(w, http.StatusRequestURITooLong, problem("", "the query is longer than %d bytes", maxQuery))
	case strings.HasPrefix(r.URL.Path, "/api/"):
		s.serveAPI(w, r)
	default:
		serveAsset(w, r)
	}
}

// isOurs reports whether the request names this server: as loopback, as the address that
// it came to, or as the operator does. The port is not compared, because a tunnel has its
// own; a name is all that a foreign page can choose.
func (s *Server) isOurs(r *http.Request) bool {
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host, port = strings.TrimSuffix(strings.TrimPrefix(r.Host, "["), "]"), "80"
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return false
	}
	host = strings.ToLower(host)
	if host == "localhost" || s.config.Name != "" && host == strings.ToLower(s.config.Name) {
		return true
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	if addr.Unmap().IsLoopback() {
		return true
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return false
	}
	at, err := netip.ParseAddrPort(local.String())
	return err == nil && at.Addr().Unmap().WithZone("") == addr.Unmap().WithZone("")
}

// isForeign reports whether another site made the browser send the request. A link that
// leads to the page may stand anywhere.
func isForeign(r *http.Request) bool {
	if origins := r.Header.Values("Origin"); len(origins) > 0 {
		u, err := url.Parse(origins[0])
		if err != nil || len(origins) > 1 || u.Scheme != "http" && u.Scheme != "https" || u.Host != r.Host {
			return true
		}
	}
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		isLink := r.URL.Path == "/" && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
		if site != "same-origin" && site != "none" && !isLink {
			return true
		}
	}
	return false
}

func refuse(w http.ResponseWriter, status int, p *Problem) {
	text, err := json.Marshal(p)
	if err != nil {
		text = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // who asked may be gone
}

// serveAPI answers a question.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/api/")
	if name == "live" && s.config.Live != nil {
		s.config.Live.serve(w, r)
		return
	}
	q, err := readQuestion(name, r.URL.RawQuery)
	if err != nil {
		status := http.StatusBadRequest
		if errors.Is(err, errNoRoute) {
			status, err = http.StatusNotFound, problem("", "there is nothing at this address")
		}
		var p *Problem
		errors.As(err, &p)
		refuse(w, status, p)
		return
	}
	select {
	case s.waiting <- struct{}{}:
		defer func() { <-s.waiting }()
	default:
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusServiceUnavailable, problem("", "too many questions wait for their answers; try again"))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.config.Patience)
	defer cancel()
	body, err := s.answer(ctx, q)
	if err != nil {
		s.refuseFailure(w, r, err)
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute)) // a test's recorder has none
	w.Header().Set("Content-Type", "application/json")
	writePacked(w, r, body)
}

// answer returns the answer as JSON, from those that are kept if it is among them.
func (s *Server) answer(ctx context.Context, q *question) ([]byte, error) {
	body, version := s.kept.get(q.key)
	if body != nil {
		return body, nil
	}
	value, err := q.ask(ctx, s.config.Source)
	if err != nil {
		return nil, err
	}
	if body, err = json.Marshal(value); err != nil {
		return nil, err
	}
	s.kept.put(q.key, body, version)
	return body, nil
}

func (s *Server) refuseFailure(w http.ResponseWriter, r *http.Request, err error) {
	var p *Problem
	switch {
	case r.Context().Err() != nil: // nobody waits for the answer
		return
	case errors.As(err, &p):
		refuse(w, http.StatusBadRequest, p)
	case errors.Is(err, context.DeadlineExceeded):
		refuse(w, http.StatusGatewayTimeout, problem("", "the answer took longer than %s; try again, or choose a shorter time", s.config.Patience))
	default:
		text := ""
		if s.config.Failed != nil {
			text = s.config.Failed(err)
		}
		if text == "" {
			text = "the question was not answered; the terminal in which clearhop serve runs says why"
		}
		refuse(w, http.StatusInternalServerError, &Problem{Text: text})
	}
}

// writePacked writes a body, compressed if that is worth it and the browser takes it.
func writePacked(w http.ResponseWriter, r *http.Request, body []byte) {
	const worthIt = 1 << 10
	w.Header().Set("Vary", "Accept-Encoding")
	if len(body) >= worthIt && takesGzip(r) {
		var packed bytes.Buffer
		z, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed) // the level is one of its own
		if _, err := z.Write(body); err == nil && z.Close() == nil {
			body = packed.Bytes()
			w.Header().Set("Content-Encoding", "gzip")
		}
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // who asked may be gone
}

func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(name, "gzip") && strings.ReplaceAll(q, " ", "") != "q=0" {
			return true
		}
	}
	return false
}

// answers keeps the last answers: going back in the page is free then, and with Athena it
// costs no money.
type answers struct {
	mu      sync.Mutex
	version int // of the data
	keys    []string
	bodies  map[string][]byte
	bytes   int
}

// maxKept is how many bytes of answers are kept.
const maxKept = 16 << 20

// get returns an answer, nil if it is not kept, and the version of the data to put it
// with.
func (a *answers) get(key string) ([]byte, int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.bodies[key], a.version
}

func (a *answers) put(key string, body []byte, version int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if version != a.version || len(body) > maxKept/4 || a.bodies[key] != nil {
		return
	}
	if a.bodies == nil {
		a.bodies = map[string][]byte{}
	}
	a.bodies[key] = body
	a.keys = append(a.keys, key)
	a.bytes += len(body) + len(key)
	for a.bytes > maxKept {
		oldest := a.keys[0]
		a.keys = slices.Delete(a.keys, 0, 1)
		a.bytes -= len(a.bodies[oldest]) + len(oldest)
		delete(a.bodies, oldest)
	}
}

func (a *answers) clear() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.version++
	a.keys, a.bodies, a.bytes = nil, nil, 0
}

// Warm asks what a page asks first, however long it takes, so that the first page that is
// opened need not wait.
func (s *Server) Warm(ctx context.Context) {
	for _, name := range []string{"manifest", "explore", "chain"} {
		if q, err := readQuestion(name, ""); err == nil {
			_, _ = s.answer(ctx, q) // whoever asks next gets the error
		}
	}
}
