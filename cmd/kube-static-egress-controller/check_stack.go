package main

import (
	"regexp"

	"github.com/szuecs/kube-static-egress-controller/awscfn"
)

// stack is the name that the stack has, or would have.
func (c *checker) stack(s setup) string {
	if s.provider == "aws-ec2" {
		for _, name := range []string{"stack-name", "cf-template-bucket", "stack-termination-protection"} {
			if len(c.given[name]) > 0 {
				c.wrong(name, c.word(name), "only --provider=aws-cfn has a stack")
			}
		}
		return ""
	}
	w := c.word("stack-name")
	if w.text == "" && s.cluster == "" {
		return "" // it is the cluster id that is missing, and that is said
	}
	if w.text == "" {
		name := "static-egress-" + s.cluster
		switch {
		case awscfn.CheckName(name) == nil:
		case s.provider != "aws-cfn":
			name = "static-egress"
		case badID(s.cluster) == "":
			c.lacks("stack-name", "is required here, because the cluster id %q makes no name of a stack", s.cluster)
		}
		return name
	}
	if awscfn.CheckName(w.text) != nil {
		c.wrong("stack-name", w, "no stack has such a name: it has up to 128 letters, digits and dashes, and begins with a letter")
	}
	return w.text
}

// bucketNames are those of general purpose buckets (S3 user guide, "Bucket naming rules").
var bucketNames = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

func (c *checker) bucket() string {
	w := c.word("cf-template-bucket")
	if w.text != "" && !bucketNames.MatchString(w.text) {
		c.wrong("cf-template-bucket", w, "no bucket has such a name: it has 3 to 63 of a-z, 0-9, - and .")
	}
	return w.text
}
