// An oracle of YAML: what kubectl makes of the bytes of a manifest file, by kubectl's own code.
//
//	reader FILE...    for each file one line of JSON: {"documents": [...], "objects": [...], "error": "..."}
//
// A file goes the way that it goes in `kubectl apply -f` (k8s.io/cli-runtime/pkg/resource/visitor.go): YAMLOrJSONDecoder takes the
// stream apart, what is empty or null is passed over, and UnstructuredJSONScheme makes objects of the rest, of a list one for each
// item. "documents" are the values before that last step, with the numbers as it reads them; "objects" are missing where a document
// is no object.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/yaml"
)

type answer struct {
	Documents []any            `json:"documents"`
	Objects   []map[string]any `json:"objects"`
	Error     string           `json:"error,omitempty"`
}

// objects adds what the server would be sent for one document.
func (a *answer) objects(raw []byte) error {
	found, _, err := unstructured.UnstructuredJSONScheme.Decode(raw, nil, nil)
	if err != nil {
		return err
	}
	if list, ok := found.(*unstructured.UnstructuredList); ok {
		return list.EachListItem(func(item runtime.Object) error {
			a.Objects = append(a.Objects, item.(*unstructured.Unstructured).Object)
			return nil
		})
	}
	a.Objects = append(a.Objects, found.(*unstructured.Unstructured).Object)
	return nil
}

func (a *answer) read(content []byte) error {
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 4096)
	objects := true
	for {
		var document runtime.RawExtension
		if err := decoder.Decode(&document); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		raw := bytes.TrimSpace(document.Raw)
		if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
			continue
		}
		var value any
		if err := utiljson.Unmarshal(raw, &value); err != nil {
			return err
		}
		a.Documents = append(a.Documents, value)
		if objects = objects && a.objects(raw) == nil; !objects {
			a.Objects = nil
		}
	}
}

func main() {
	output := json.NewEncoder(os.Stdout)
	for _, file := range os.Args[1:] {
		content, err := os.ReadFile(file)
		if err != nil {
			fmt.Fprintln(os.Stderr, "reader:", err)
			os.Exit(2)
		}
		found := answer{Documents: []any{}}
		if err := found.read(content); err != nil {
			found.Error = err.Error()
		}
		if err := output.Encode(found); err != nil {
			fmt.Fprintln(os.Stderr, "reader:", err)
			os.Exit(2)
		}
	}
}
