package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"github.com/maxmind/mmdbwriter/mmdbtype"
	"go4.org/netipx"
)

// fillASN copies tables with one range of addresses in each line:
//
//	1.0.0.0,1.0.0.255,13335,"Cloudflare, Inc."
func fillASN(ctx context.Context, tree *tree, files map[string][]byte) error {
	records := map[owner]mmdbtype.Map{}
	for _, name := range []string{"asn-ipv4.csv", "asn-ipv6.csv"} {
		if err := fillASNTable(ctx, tree, records, files[name]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// owner is what a line of the table tells of its range.
type owner struct {
	number       uint32
	organization string
}

func fillASNTable(ctx context.Context, tree *tree, records map[owner]mmdbtype.Map, table []byte) error {
	lines := csv.NewReader(bytes.NewReader(table))
	lines.FieldsPerRecord = 4
	lines.ReuseRecord = true
	var networks []netip.Prefix
	for ctx.Err() == nil {
		fields, err := lines.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		line, _ := lines.FieldPos(0)
		addrs, err := netipx.ParseIPRange(fields[0] + "-" + fields[1])
		if err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		number, err := strconv.ParseUint(fields[2], 10, 32)
		if err != nil {
			return fmt.Errorf("line %d: AS number: %w", line, err)
		}
		owner := owner{uint32(number), strings.TrimSpace(fields[3])}
		record, ok := records[owner]
		if !ok {
			record = owner.record()
			records[owner] = record
		}
		networks = addrs.AppendPrefixes(networks[:0])
		for _, network := range networks {
			if err := tree.insert(network, record); err != nil {
				return fmt.Errorf("line %d: %w", line, err)
			}
		}
	}
	return ctx.Err()
}

// record is an owner in the GeoIP2 shape.
func (o owner) record() mmdbtype.Map {
	record := mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(o.number)}
	if o.organization != "" {
		record["autonomous_system_organization"] = mmdbtype.String(o.organization)
	}
	return record
}
