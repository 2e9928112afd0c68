package inmemory

import (
	"reflect"
	"slices"
)

// checkInput refuses fields that are unknown to the fake, missing required ones, and a dry run.
//
// A dry run comes last: EC2 answers DryRunOperation when the request would have been allowed (SDK doc comment on DryRun;
// that its parameters are checked before is assumed).
func checkInput(in any, required, optional []string) error {
	value := reflect.ValueOf(in).Elem()
	dry := false
	for i := range value.NumField() {
		field := value.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		set, known := isSet(value.Field(i)), slices.Contains(required, field.Name)
		switch {
		case known && !set:
			return failure("MissingParameter", "The request must contain the parameter %s", field.Name)
		case field.Name == "DryRun":
			dry = set && value.Field(i).Elem().Bool()
		case set && !known && !slices.Contains(optional, field.Name):
			return failure("UnsupportedOperation", "The in-memory AWS does not know the field %s of %s", field.Name, value.Type().Name())
		}
	}
	if dry {
		return failure("DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
	}
	return nil
}

// isSet tells whether the SDK would send a field. An empty string is sent by the SDK, but EC2 takes it as missing
// (assumed).
func isSet(field reflect.Value) bool {
	if kind := field.Kind(); kind == reflect.Slice || kind == reflect.Map {
		return field.Len() > 0
	}
	text, isText := field.Interface().(*string)
	return !field.IsZero() && (!isText || *text != "")
}
