package record

// A TargetGroup is what AWS says about a target group of an NLB: it decides
// whether the targets learn the client's address.
type TargetGroup struct {
	Name         string `json:"name"`
	ARN          string `json:"arn"`
	LoadBalancer string `json:"load_balancer,omitempty"` // the NLB's name
	TargetType   string `json:"target_type"`             // ip, instance or alb
	Protocol     string `json:"protocol"`                // TCP, TLS, UDP or TCP_UDP
	Port         int32  `json:"port,omitempty"`
	// ProxyProtocolV2 is the attribute proxy_protocol_v2.enabled, and
	// PreserveClientIP is preserve_client_ip.enabled.
	ProxyProtocolV2  bool `json:"proxy_protocol_v2"`
	PreserveClientIP bool `json:"preserve_client_ip"`
}
