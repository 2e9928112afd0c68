package inmemory

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// listing says how a kind is listed.
type listing[T, SDK any] struct {
	id      func(T) string
	tags    func(T) Tags // nil: the kind has no filters on tags
	filters filters[T]
	sdk     func(T) SDK
	missing string // the error for an id that is not there
	noun    string // EC2's word for the kind, in that error
	maxPage int    // the most that MaxResults may ask for; 0: not paginated
}

// query is what a Describe call asks.
type query struct {
	operation  string
	ids        []string
	filters    []types.Filter
	maxResults *int32
	nextToken  *string
}

// answer gives the things that a query asks for, one page of them, and the token for the next. All must be in the order
// of their ids.
//
// A page is cut before the filters are applied, so a page can be short, or even empty, and have a next one (assumed; other
// AWS APIs promise no more than that).
func (l listing[T, SDK]) answer(m moment, q query, all []T) ([]SDK, *string, error) {
	if err := l.check(q.filters); err != nil {
		return nil, nil, err
	}
	found, err := l.withIDs(all, q.ids)
	if err != nil {
		return nil, nil, err
	}
	var next *string
	if l.maxPage > 0 {
		if found, next, err = l.page(m, q, found); err != nil {
			return nil, nil, err
		}
	}
	answer := []SDK{}
	for _, thing := range found {
		if l.matches(thing, q.filters) {
			answer = append(answer, l.sdk(thing))
		}
	}
	return answer, next, nil
}

// withIDs keeps the things with these ids, all if there are none. One unknown id fails the whole call.
func (l listing[T, SDK]) withIDs(all []T, ids []string) ([]T, error) {
	if len(ids) == 0 {
		return all, nil
	}
	var found []T
	for _, thing := range all {
		if slices.Contains(ids, l.id(thing)) {
			found = append(found, thing)
		}
	}
	for _, id := range ids {
		if !slices.ContainsFunc(found, func(thing T) bool { return l.id(thing) == id }) {
			return nil, notFound(l.missing, l.noun, id)
		}
	}
	return found, nil
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return aws.String(text)
}
