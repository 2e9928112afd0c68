package inmemory

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// filters are what a kind can be filtered by: the values that a thing has for each filter name. Filters on tags come by
// themselves.
type filters[T any] map[string]func(T) []string

// At most 50 filters, and 200 values for each (assumed).
const (
	maxFilters      = 50
	maxFilterValues = 200
)

// check refuses filters that EC2, or the fake, does not know.
func (l listing[T, SDK]) check(asked []types.Filter) error {
	if len(asked) > maxFilters {
		return failure("FilterLimitExceeded", "The maximum number of filters is %d", maxFilters)
	}
	for _, f := range asked {
		name := aws.ToString(f.Name)
		_, known := l.filters[name]
		byTag := l.tags != nil && (name == "tag-key" || strings.HasPrefix(name, "tag:") && name != "tag:")
		switch {
		case !known && !byTag:
			return failure("InvalidParameterValue", "The filter '%s' is invalid", name)
		case len(f.Values) == 0:
			return failure("InvalidParameterValue", "The filter '%s' has no values", name) // assumed
		case len(f.Values) > maxFilterValues:
			return failure("FilterLimitExceeded", "The maximum number of filter values is %d", maxFilterValues)
		}
	}
	return nil
}

// matches is true if the thing passes every filter; it passes one if any of its values matches any of the filter's.
func (l listing[T, SDK]) matches(thing T, asked []types.Filter) bool {
	for _, f := range asked {
		if !anyMatches(f.Values, l.valuesOf(thing, aws.ToString(f.Name))) {
			return false
		}
	}
	return true
}

func (l listing[T, SDK]) valuesOf(thing T, name string) []string {
	if values, ok := l.filters[name]; ok {
		return values(thing)
	}
	if key, ok := strings.CutPrefix(name, "tag:"); ok {
		if value, ok := l.tags(thing)[key]; ok {
			return []string{value}
		}
		return nil
	}
	var keys []string
	for key := range l.tags(thing) {
		keys = append(keys, key)
	}
	return keys
}

func anyMatches(patterns, values []string) bool {
	for _, pattern := range patterns {
		for _, value := range values {
			if wildcardMatch(pattern, value) {
				return true
			}
		}
	}
	return false
}

// wildcardMatch: * is any text, ? any one character, and a backslash takes the meaning from the next (EC2 user guide, as
// above). Case counts.
func wildcardMatch(pattern, value string) bool {
	switch {
	case pattern == "":
		return value == ""
	case pattern[0] == '*':
		return wildcardMatch(pattern[1:], value) || value != "" && wildcardMatch(pattern, value[1:])
	case value == "":
		return false
	case pattern[0] == '?':
		return wildcardMatch(pattern[1:], value[1:])
	case pattern[0] == '\\' && len(pattern) > 1:
		return pattern[1] == value[0] && wildcardMatch(pattern[2:], value[1:])
	}
	return pattern[0] == value[0] && wildcardMatch(pattern[1:], value[1:])
}

func one(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}
