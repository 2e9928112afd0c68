//go:build e2e

package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// mount writes into the container's root what its volumes hold.
func (c *controlPlane) mount(t *testing.T, p *pod, root string) {
	t.Helper()
	volumes := map[string]corev1.Volume{}
	for _, v := range p.Spec.Volumes {
		volumes[v.Name] = v
	}
	for _, m := range p.container.VolumeMounts {
		volume := volumes[m.Name]
		if volume.Projected == nil || m.SubPath != "" {
			t.Fatalf("pod %s mounts what nobody mounts here: %+v", p.Name, volume)
		}
		dir := filepath.Join(root, m.MountPath)
		for name, content := range c.projected(t, p, volume.Projected.Sources) {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(content), os.FileMode(*volume.Projected.DefaultMode)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// projected are the files of a projected volume: what every service account has, a token with its certificate and
// namespace, is one.
func (c *controlPlane) projected(t *testing.T, p *pod, sources []corev1.VolumeProjection) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, source := range sources {
		switch {
		case source.ServiceAccountToken != nil:
			files[source.ServiceAccountToken.Path] = c.podToken(t, p, source.ServiceAccountToken)
		case source.ConfigMap != nil:
			data := c.publishedConfigMap(t, p.Namespace, source.ConfigMap.Name).Data
			for _, item := range source.ConfigMap.Items {
				files[item.Path] = data[item.Key]
			}
		case source.DownwardAPI != nil:
			for _, item := range source.DownwardAPI.Items {
				files[item.Path] = p.field(t, item.FieldRef)
			}
		default:
			t.Fatalf("pod %s projects what nobody projects here: %+v", p.Name, source)
		}
	}
	return files
}

// podToken is a token of the Pod's account that is good for as long as this Pod exists.
func (c *controlPlane) podToken(t *testing.T, p *pod, projection *corev1.ServiceAccountTokenProjection) string {
	t.Helper()
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: projection.ExpirationSeconds,
		BoundObjectRef:    &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: p.Name, UID: p.UID},
	}}
	if projection.Audience != "" {
		request.Spec.Audiences = []string{projection.Audience}
	}
	accounts := c.admin.CoreV1().ServiceAccounts(p.Namespace)
	token, err := accounts.CreateToken(t.Context(), p.Spec.ServiceAccountName, request, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return token.Status.Token
}

// publishedConfigMap waits for one that the controller manager makes in each namespace, as the kubelet does.
func (c *controlPlane) publishedConfigMap(t *testing.T, namespace, name string) *corev1.ConfigMap {
	t.Helper()
	var found *corev1.ConfigMap
	eventually(t, func() (err error) {
		found, err = c.admin.CoreV1().ConfigMaps(namespace).Get(t.Context(), name, metav1.GetOptions{})
		return err
	})
	return found
}

// writeProtect lets nobody change anything below a folder, but for root; and whoever is root here is not root there.
func writeProtect(t *testing.T, root string) {
	t.Helper()
	chmod := func(mode fs.FileMode) error {
		return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			return os.Chmod(path, mode)
		})
	}
	if err := chmod(0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := chmod(0o755); err != nil { // else nobody but root can remove it
			t.Error(err)
		}
	})
}
