package query

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// endpoint returns where the service is asked: the endpoint that the
// configuration names, or else the service's host in the region.
func (s Service) endpoint(ctx context.Context, c *aws.Config, options *sts.Options) (*url.URL, error) {
	if !smithyhttp.ValidHostLabel(c.Region) {
		return nil, fmt.Errorf("%.40q is no region", c.Region)
	}
	configured, err := s.configuredEndpoint(ctx, c)
	if err != nil {
		return nil, err
	}
	// The hosts of S3 with both protocols have another form, and one protocol is enough.
	dualStack := options.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled && s.Name != "s3"
	resolved, err := sts.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, sts.EndpointParameters{
		Region:       &c.Region,
		UseFIPS:      aws.Bool(options.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled),
		UseDualStack: &dualStack,
		Endpoint:     configured,
	})
	if err != nil {
		return nil, err
	}
	endpoint := resolved.URI
	if configured == nil {
		// The hosts of STS and of other services differ in the service's name
		// alone, in every partition: sts-fips.REGION.api.aws and
		// ec2-fips.REGION.api.aws.
		endpoint.Host = s.Name + strings.TrimPrefix(endpoint.Host, "sts")
	}
	if endpoint.Path == "" {
		endpoint.Path = "/"
	}
	return &endpoint, nil
}

// serviceEndpoints is a source of the configuration that can name the endpoint
// of one service.
type serviceEndpoints interface {
	GetServiceBaseEndpoint(ctx context.Context, id string) (endpoint string, found bool, err error)
}

// configuredEndpoint returns the endpoint that the configuration names; nil if
// it names none. The first of these decides, as in the SDK's clients:
// AWS_ENDPOINT_URL_EC2, AWS_ENDPOINT_URL, the profile's services, and the
// profile's endpoint_url. AWS_IGNORE_CONFIGURED_ENDPOINT_URLS turns all of them
// off.
func (s Service) configuredEndpoint(ctx context.Context, c *aws.Config) (*string, error) {
	ignored, _, err := config.GetIgnoreConfiguredEndpoints(ctx, c.ConfigSources)
	if err != nil || ignored {
		return nil, err
	}
	for _, source := range c.ConfigSources {
		if endpoints, ok := source.(serviceEndpoints); ok {
			endpoint, found, err := endpoints.GetServiceBaseEndpoint(ctx, s.ID)
			if err != nil || found {
				return &endpoint, err
			}
		}
		if environment, ok := source.(config.EnvConfig); ok && environment.BaseEndpoint != "" {
			break
		}
	}
	return c.BaseEndpoint, nil // AWS_ENDPOINT_URL, or the profile's endpoint_url
}
