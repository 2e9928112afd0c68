package inmemory

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// tokenLife is how long a NextToken can be used. Not documented; assumed.
const tokenLife = time.Hour

// pageToken is what a NextToken says: whose it is, when it was given, and after which thing to go on. The list itself may
// have changed between two pages, as in EC2 (assumed).
type pageToken struct {
	Query  string
	Issued time.Time
	After  string
}

// page cuts the page that the query asks for out of the things, which are in the order of their ids.
func (l listing[T, SDK]) page(m moment, q query, things []T) ([]T, *string, error) {
	size, err := l.pageSize(m, q)
	if err != nil {
		return nil, nil, err
	}
	if q.nextToken != nil {
		token, err := openToken(m, q)
		if err != nil {
			return nil, nil, err
		}
		for len(things) > 0 && l.id(things[0]) <= token.After {
			things = things[1:]
		}
	}
	if len(things) <= size {
		return things, nil, nil
	}
	next := pageToken{Query: q.fingerprint(), Issued: m.now, After: l.id(things[size-1])}
	return things[:size], aws.String(next.seal()), nil
}

// pageSize: MaxResults goes from 5 up, and not together with ids (assumed).
func (l listing[T, SDK]) pageSize(m moment, q query) (int, error) {
	size := min(m.options.PageSize, l.maxPage)
	if q.maxResults == nil {
		return size, nil
	}
	if len(q.ids) > 0 {
		return 0, failure("InvalidParameterCombination", "The parameter MaxResults cannot be used with a list of ids")
	}
	if *q.maxResults < 5 || int(*q.maxResults) > l.maxPage {
		return 0, failure("InvalidParameterValue", "Value (%d) for parameter maxResults is invalid. Expecting a value from 5 to %d.", *q.maxResults, l.maxPage)
	}
	return min(size, int(*q.maxResults)), nil
}

// fingerprint is equal for the pages of one list.
func (q query) fingerprint() string {
	text, err := json.Marshal([]any{q.operation, q.ids, q.filters})
	must(err)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

func (t pageToken) seal() string {
	text, err := json.Marshal(t)
	must(err)
	sum := sha256.Sum256(text)
	return base64.URLEncoding.EncodeToString(text) + "." + hex.EncodeToString(sum[:4])
}

// openToken refuses a token that was not given for this list, or too long ago; the code is assumed.
func openToken(m moment, q query) (pageToken, error) {
	var t pageToken
	body, _, _ := strings.Cut(*q.nextToken, ".")
	text, err := base64.URLEncoding.DecodeString(body)
	if err == nil {
		err = json.Unmarshal(text, &t)
	}
	if err != nil || t.seal() != *q.nextToken || t.Query != q.fingerprint() || m.now.Sub(t.Issued) > tokenLife {
		return t, failure("InvalidNextToken", "The specified NextToken is not valid.")
	}
	return t, nil
}
