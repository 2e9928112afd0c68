//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What the stack provider writes is what CloudFormation takes, as far as somebody else knows who was not asked when it was
// written. The golden templates are the ones that awscfn's own tests compare with.
func TestTemplatesLint(t *testing.T) {
	t.Parallel()
	if err := lint(t.Context(), t.TempDir(), filepath.Join("..", "awscfn", "testdata")); err != nil {
		t.Error(err)
	}
}

// A check that passes whatever it is given would be worse than none.
func TestTheTemplateCheckChecks(t *testing.T) {
	t.Parallel()
	const (
		good = `{"Resources": {"Address": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}}}}`
		// A warning is as good as an error: here that what is kept on deletion is lost on replacement.
		warned  = `{"Resources": {"Address": {"Type": "AWS::EC2::EIP", "DeletionPolicy": "Retain"}}}`
		refused = `{"Resources": {"Address": {"Type": "AWS::EC2::EIP", "Properties": {"Domian": "vpc"}}}}`
		cut     = `{"Resources": {`
	)
	for name, c := range map[string]struct {
		templates []string
		want      string // in the error; none if it is empty
	}{
		"good":              {[]string{good, good, good}, ""},
		"a warning":         {[]string{good, good, warned}, "W3011"},
		"an error":          {[]string{good, refused, good}, "E3002"},
		"not a template":    {[]string{good, good, cut}, "E0000"},
		"too few templates": {[]string{good, good}, "2 templates"},
		"no templates":      {nil, "0 templates"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			for i, template := range c.templates {
				file := filepath.Join(folder, fmt.Sprint(i, ".template.json"))
				if err := os.WriteFile(file, []byte(template), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			err := lint(t.Context(), t.TempDir(), folder)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("have %v, want %s", err, c.want)
			}
		})
	}
}

// lint gives what cfn-lint finds in a folder's templates. It knows CloudFormation's schemas itself and calls nobody.
func lint(ctx context.Context, home, folder string) error {
	program, err := made("cfnlint/bin/cfn-lint")
	if err != nil {
		return err
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return err
	}
	templates, err := filepath.Glob(filepath.Join(folder, "*.template.json"))
	if err != nil {
		return err
	}
	if len(templates) < 3 {
		return fmt.Errorf("%s has %d templates, want 3 or more: where are they?", folder, len(templates))
	}
	arguments := []string{
		"--format", "parseable",
		"--regions", "ALL_REGIONS", // else it is us-east-1
		"--non-zero-exit-code", "informational", // that is all it finds
		// A zone's name in a template is a mistake in one for everybody; ours is of one site's zones.
		"--ignore-checks", "W3010",
		"--",
	}
	cmd := exec.CommandContext(ctx, program, append(arguments, templates...)...)
	// It reads .cfnlintrc in its home and where it runs, which could say to ignore something.
	cmd.Dir, cmd.Env = home, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cfn-lint: %w\n%s", err, out)
	}
	return nil
}
