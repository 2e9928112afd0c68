package reconcile

// Resource is one thing that should be there. References in its Spec are keys wherever they lead to what is ours.
type Resource struct {
	Key  Key
	Spec Spec
}

// Desired is what should be there, sorted by key, each key once.
type Desired struct {
	Resources []Resource
}
