package conformance

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

var pageFacts = []fact{
	{
		name:   "a list comes in pages of at most MaxResults",
		source: "SDK, DescribeRouteTablesInput.MaxResults, and NextToken",
		aws:    "5 and more, 2 and no more",
		see: func(s *site) string {
			for range 6 { // beside the main one
				s.table()
			}
			in := &ec2.DescribeRouteTablesInput{MaxResults: aws.Int32(5)}
			page := func() string {
				out := do(s, s.EC2.DescribeRouteTables, in)
				in.NextToken = out.NextToken
				if out.NextToken == nil {
					return fmt.Sprint(len(out.RouteTables), " and no more")
				}
				return fmt.Sprint(len(out.RouteTables), " and more")
			}
			first := page()
			if in.NextToken == nil {
				return first
			}
			return say(first, page())
		},
	},
	{
		name:   "all pages together are the whole list",
		source: "SDK, NewDescribeRouteTablesPaginator",
		aws:    "12, each once",
		see: func(s *site) string {
			for range 11 {
				s.table()
			}
			seen := map[string]int{}
			pages := ec2.NewDescribeRouteTablesPaginator(s.EC2, &ec2.DescribeRouteTablesInput{MaxResults: aws.Int32(5)})
			for pages.HasMorePages() {
				out, err := pages.NextPage(s.Context())
				if err != nil {
					return ending(err)
				}
				for _, table := range out.RouteTables {
					seen[*table.RouteTableId]++
				}
			}
			for id, times := range seen {
				if times != 1 {
					return fmt.Sprintf("%s %d times", id, times)
				}
			}
			return fmt.Sprintf("%d, each once", len(seen))
		},
	},
}
