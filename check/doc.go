// Package check predicts what a chain will log before it serves anybody.
//
// In go the configurations of the hops and how the target group is set. Simulated
// visitors are sent through the model of the chain (package hop). Out comes a Result:
// what each hop would log as $remote_addr, who could forge it, which line of which file is
// at fault, and the change that puts it right:
//
//	r, err := check.Run(&check.Chain{Confs: confs, NLB: hop.NLB{Addresses: nodes, ProxyProtocolV2: true}})
//	err = r.WriteText(os.Stdout)
//
// The lines that the hops would log go through the same pipeline and the same doctor as
// the lines of a real log.
//
// Run does no I/O and keeps nothing. A Result is a plain value.
package check
