// Writes the shape of Kubernetes' built-in kinds, as its own Go types have it, for modules/tenantry/policy/kinds.
//
// Run it where Kubernetes' modules are pinned, for their versions:
//
//	cd toolchain/kubernetes && go run ../../tests/policy/generate/kinds.go > ../../modules/tenantry/policy/kinds/kinds.json
package main

import (
	"encoding/json"
	"os"
	"reflect"
	"sort"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	nodev1 "k8s.io/api/node/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

var structs = map[string]map[string]string{}

var special = map[reflect.Type]string{
	reflect.TypeOf(resource.Quantity{}):    "quantity",
	reflect.TypeOf(intstr.IntOrString{}):   "intOrString",
	reflect.TypeOf(metav1.Time{}):          "time",
	reflect.TypeOf(metav1.MicroTime{}):     "microTime",
	reflect.TypeOf(metav1.Duration{}):      "duration",
	reflect.TypeOf(metav1.FieldsV1{}):      "any",
	reflect.TypeOf(runtime.RawExtension{}): "any",
	reflect.TypeOf([]byte{}):               "bytes",
}

func describe(t reflect.Type) string {
	if name, ok := special[t]; ok {
		return name
	}
	switch t.Kind() {
	case reflect.Pointer:
		return "*" + describe(t.Elem())
	case reflect.Slice:
		return "[]" + describe(t.Elem())
	case reflect.Map:
		return "{}" + describe(t.Elem())
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "bool"
	case reflect.Int32:
		return "int32"
	case reflect.Int64, reflect.Int:
		return "int64"
	case reflect.Float64:
		return "double"
	case reflect.Struct:
		name := strings.TrimPrefix(t.PkgPath(), "k8s.io/") + "." + t.Name()
		name = strings.TrimPrefix(strings.TrimPrefix(name, "api/"), "apimachinery/pkg/apis/")
		if _, ok := structs[name]; !ok {
			structs[name] = map[string]string{}
			fields(t, structs[name])
		}
		return "@" + name
	}
	panic(t.String())
}

// A field that is always there, even when it's empty, has an exclamation mark before its type.
func fields(t reflect.Type, into map[string]string) {
	for i := 0; i < t.NumField(); i++ {
		field := t.Field(i)
		parts := strings.Split(field.Tag.Get("json"), ",")
		if parts[0] == "-" || !field.IsExported() {
			continue
		}
		omitted := false
		inline := field.Anonymous && parts[0] == ""
		for _, option := range parts[1:] {
			inline = inline || option == "inline"
			omitted = omitted || option == "omitempty" || option == "omitzero"
			if option == "omitempty" && field.Type.Kind() == reflect.Struct && !strings.Contains(field.Tag.Get("json"), "omitzero") {
				// encoding/json never omits a struct.
				omitted = false
			}
		}
		if inline {
			fields(field.Type, into)
			continue
		}
		kind := describe(field.Type)
		if !omitted {
			kind = "!" + kind
		}
		into[parts[0]] = kind
	}
}

func main() {
	scheme := runtime.NewScheme()
	builders := []func(*runtime.Scheme) error{
		admissionregistrationv1.AddToScheme, appsv1.AddToScheme, autoscalingv1.AddToScheme, autoscalingv2.AddToScheme,
		batchv1.AddToScheme, certificatesv1.AddToScheme, coordinationv1.AddToScheme, corev1.AddToScheme,
		discoveryv1.AddToScheme, networkingv1.AddToScheme, nodev1.AddToScheme, policyv1.AddToScheme,
		rbacv1.AddToScheme, schedulingv1.AddToScheme, storagev1.AddToScheme,
	}
	for _, add := range builders {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	kinds := map[string]string{}
	for gvk, t := range scheme.AllKnownTypes() {
		if _, ok := t.FieldByName("ObjectMeta"); !ok || gvk.Version == "__internal" {
			continue
		}
		kinds[gvk.GroupVersion().String()+"/"+gvk.Kind] = describe(t)[1:]
	}
	names := make([]string, 0, len(structs))
	for name := range structs {
		names = append(names, name)
	}
	sort.Strings(names)
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(map[string]any{"kinds": kinds, "structs": structs}); err != nil {
		panic(err)
	}
}
