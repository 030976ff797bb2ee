"""Every function, type name and struct of Kubernetes' CEL environment, as text.

Sources: cel-go's standard library and extensions, and `k8s.io/apiserver/pkg/cel/environment/base.go`, which says when
each was added. A line is `MINOR SIGNATURE`; `T.name(...)` is called on a value, `name(...)` isn't.
"""

from __future__ import annotations

OPERATORS = """
0 _?_:_(bool, A, A) -> A
0 _&&_(bool, bool) -> bool
0 _||_(bool, bool) -> bool
0 !_(bool) -> bool
0 @not_strictly_false(bool) -> bool
0 _==_(A, A) -> bool
0 _!=_(A, A) -> bool
0 _+_(bytes, bytes) -> bytes
0 _+_(double, double) -> double
0 _+_(duration, duration) -> duration
0 _+_(duration, timestamp) -> timestamp
0 _+_(timestamp, duration) -> timestamp
0 _+_(int, int) -> int
0 _+_(list(A), list(A)) -> list(A)
0 _+_(string, string) -> string
0 _+_(uint, uint) -> uint
0 _-_(double, double) -> double
0 _-_(duration, duration) -> duration
0 _-_(int, int) -> int
0 _-_(timestamp, duration) -> timestamp
0 _-_(timestamp, timestamp) -> duration
0 _-_(uint, uint) -> uint
0 _*_(double, double) -> double
0 _*_(int, int) -> int
0 _*_(uint, uint) -> uint
0 _/_(double, double) -> double
0 _/_(int, int) -> int
0 _/_(uint, uint) -> uint
0 _%_(int, int) -> int
0 _%_(uint, uint) -> uint
0 -_(double) -> double
0 -_(int) -> int
0 _[_](list(A), int) -> A
0 _[_](map(A, B), A) -> B
28 _[_](optional(list(V)), int) -> optional(V)
28 _[_](optional(map(K, V)), K) -> optional(V)
28 _[?_](list(V), int) -> optional(V)
28 _[?_](optional(list(V)), int) -> optional(V)
28 _[?_](map(K, V), K) -> optional(V)
28 _[?_](optional(map(K, V)), K) -> optional(V)
0 @in(A, list(A)) -> bool
0 @in(A, map(A, B)) -> bool
"""

STANDARD = """
0 size(bytes) -> int
0 size(list(A)) -> int
0 size(map(A, B)) -> int
0 size(string) -> int
0 bytes.size() -> int
0 list(A).size() -> int
0 map(A, B).size() -> int
0 string.size() -> int
0 type(A) -> type(A)
0 dyn(A) -> dyn
0 bool(bool) -> bool
0 bool(string) -> bool
0 bytes(bytes) -> bytes
0 bytes(string) -> bytes
0 double(double) -> double
0 double(int) -> double
0 double(string) -> double
0 double(uint) -> double
0 duration(duration) -> duration
0 duration(string) -> duration
0 int(int) -> int
0 int(double) -> int
0 int(duration) -> int
0 int(string) -> int
0 int(timestamp) -> int
0 int(uint) -> int
0 string(string) -> string
0 string(bool) -> string
0 string(bytes) -> string
0 string(double) -> string
0 string(duration) -> string
0 string(int) -> string
0 string(timestamp) -> string
0 string(uint) -> string
0 timestamp(timestamp) -> timestamp
0 timestamp(int) -> timestamp
0 timestamp(string) -> timestamp
0 uint(uint) -> uint
0 uint(double) -> uint
0 uint(int) -> uint
0 uint(string) -> uint
0 string.contains(string) -> bool
0 string.endsWith(string) -> bool
0 string.startsWith(string) -> bool
0 matches(string, string) -> bool
0 string.matches(string) -> bool
0 duration.getHours() -> int
0 duration.getMinutes() -> int
0 duration.getSeconds() -> int
0 duration.getMilliseconds() -> int
28 optional.of(V) -> optional(V)
28 optional.ofNonZeroValue(V) -> optional(V)
28 optional.none() -> optional(V)
28 optional(V).value() -> V
28 optional(V).hasValue() -> bool
28 optional(V).or(optional(V)) -> optional(V)
28 optional(V).orValue(V) -> V
28 list(V).first() -> optional(V)
28 list(V).last() -> optional(V)
28 optional.unwrap(list(optional(V))) -> list(V)
28 list(optional(V)).unwrapOpt() -> list(V)
"""

EXTENSIONS = """
0 string.charAt(int) -> string
0 string.indexOf(string) -> int
0 string.indexOf(string, int) -> int
0 string.lastIndexOf(string) -> int
0 string.lastIndexOf(string, int) -> int
0 string.lowerAscii() -> string
0 string.upperAscii() -> string
0 string.replace(string, string) -> string
0 string.replace(string, string, int) -> string
0 string.split(string) -> list(string)
0 string.split(string, int) -> list(string)
0 string.substring(int) -> string
0 string.substring(int, int) -> string
0 string.trim() -> string
0 list(string).join() -> string
0 list(string).join(string) -> string
29 string.format(list(dyn)) -> string
29 strings.quote(string) -> string
29 sets.contains(list(T), list(T)) -> bool
29 sets.equivalent(list(T), list(T)) -> bool
29 sets.intersects(list(T), list(T)) -> bool
34 list(T).slice(int, int) -> list(T)
34 list(list(T)).flatten() -> list(T)
34 list(dyn).flatten(int) -> list(dyn)
34 lists.range(int) -> list(int)
34 list(T).reverse() -> list(T)
34 list(T).distinct() -> list(T)
32 cel.@mapInsert(map(K, V), K, V) -> map(K, V)
32 cel.@mapInsert(map(K, V), map(K, V)) -> map(K, V)
"""

KUBERNETES = """
0 list(A).indexOf(A) -> int
0 list(A).lastIndexOf(A) -> int
37 dyn.includes(dyn) -> bool
0 string.find(string) -> string
0 string.findAll(string) -> list(string)
0 string.findAll(string, int) -> list(string)
0 url(string) -> kubernetes.URL
0 isURL(string) -> bool
0 kubernetes.URL.getScheme() -> string
0 kubernetes.URL.getHost() -> string
0 kubernetes.URL.getHostname() -> string
0 kubernetes.URL.getPort() -> string
0 kubernetes.URL.getEscapedPath() -> string
0 kubernetes.URL.getQuery() -> map(string, list(string))
28 quantity(string) -> kubernetes.Quantity
28 isQuantity(string) -> bool
28 sign(kubernetes.Quantity) -> int
28 kubernetes.Quantity.isGreaterThan(kubernetes.Quantity) -> bool
28 kubernetes.Quantity.isLessThan(kubernetes.Quantity) -> bool
28 kubernetes.Quantity.compareTo(kubernetes.Quantity) -> int
28 kubernetes.Quantity.asApproximateFloat() -> double
28 kubernetes.Quantity.asInteger() -> int
28 kubernetes.Quantity.isInteger() -> bool
28 kubernetes.Quantity.add(kubernetes.Quantity) -> kubernetes.Quantity
28 kubernetes.Quantity.add(int) -> kubernetes.Quantity
28 kubernetes.Quantity.sub(kubernetes.Quantity) -> kubernetes.Quantity
28 kubernetes.Quantity.sub(int) -> kubernetes.Quantity
30 ip(string) -> net.IP
30 ip.isCanonical(string) -> bool
30 isIP(string) -> bool
30 net.IP.family() -> int
30 net.IP.isUnspecified() -> bool
30 net.IP.isLoopback() -> bool
30 net.IP.isLinkLocalMulticast() -> bool
30 net.IP.isLinkLocalUnicast() -> bool
30 net.IP.isGlobalUnicast() -> bool
30 string(net.IP) -> string
30 cidr(string) -> net.CIDR
30 isCIDR(string) -> bool
30 net.CIDR.containsIP(string) -> bool
30 net.CIDR.containsIP(net.IP) -> bool
30 net.CIDR.containsCIDR(string) -> bool
30 net.CIDR.containsCIDR(net.CIDR) -> bool
30 net.CIDR.ip() -> net.IP
30 net.CIDR.prefixLength() -> int
30 net.CIDR.masked() -> net.CIDR
30 string(net.CIDR) -> string
31 kubernetes.NamedFormat.validate(string) -> optional(list(string))
31 format.named(string) -> optional(kubernetes.NamedFormat)
33 semver(string) -> kubernetes.Semver
33 semver(string, bool) -> kubernetes.Semver
33 isSemver(string) -> bool
33 isSemver(string, bool) -> bool
33 kubernetes.Semver.isGreaterThan(kubernetes.Semver) -> bool
33 kubernetes.Semver.isLessThan(kubernetes.Semver) -> bool
33 kubernetes.Semver.compareTo(kubernetes.Semver) -> int
33 kubernetes.Semver.major() -> int
33 kubernetes.Semver.minor() -> int
33 kubernetes.Semver.patch() -> int
"""

AUTHORIZER = """
27 Authorizer.path(string) -> PathCheck
27 Authorizer.group(string) -> GroupCheck
27 Authorizer.serviceAccount(string, string) -> Authorizer
27 GroupCheck.resource(string) -> ResourceCheck
27 ResourceCheck.subresource(string) -> ResourceCheck
27 ResourceCheck.namespace(string) -> ResourceCheck
27 ResourceCheck.name(string) -> ResourceCheck
27 PathCheck.check(string) -> Decision
27 ResourceCheck.check(string) -> Decision
27 Decision.errored() -> bool
27 Decision.error() -> string
27 Decision.allowed() -> bool
27 Decision.reason() -> string
31 ResourceCheck.fieldSelector(string) -> ResourceCheck
31 ResourceCheck.labelSelector(string) -> ResourceCheck
"""

FORMATS = (
    "dns1123Label",
    "dns1123Subdomain",
    "dns1035Label",
    "qualifiedName",
    "dns1123LabelPrefix",
    "dns1123SubdomainPrefix",
    "dns1035LabelPrefix",
    "labelValue",
    "uri",
    "uuid",
    "byte",
    "date",
    "datetime",
)

TYPE_NAMES = {
    "bool": "bool",
    "bytes": "bytes",
    "double": "double",
    "int": "int",
    "list": "list(dyn)",
    "map": "map(dyn, dyn)",
    "null_type": "null",
    "string": "string",
    "type": "type",
    "uint": "uint",
    "optional_type": "optional(dyn)",
    "google.protobuf.Timestamp": "timestamp",
    "google.protobuf.Duration": "duration",
}

# The fields of the types that the API server declares for `request` and `namespaceObject`.
# Source: BuildRequestType and BuildNamespaceType in k8s.io/apiserver/pkg/admission/plugin/cel/compile.go, where the
# capital UID is no mistake of ours.
STRUCTS: dict[str, dict[str, str]] = {
    "kubernetes.AdmissionRequest": {
        "kind": "kubernetes.GroupVersionKind",
        "resource": "kubernetes.GroupVersionResource",
        "subResource": "string",
        "requestKind": "kubernetes.GroupVersionKind",
        "requestResource": "kubernetes.GroupVersionResource",
        "requestSubResource": "string",
        "name": "string",
        "namespace": "string",
        "operation": "string",
        "userInfo": "kubernetes.UserInfo",
        "dryRun": "bool",
        "options": "dyn",
    },
    "kubernetes.GroupVersionKind": {"group": "string", "version": "string", "kind": "string"},
    "kubernetes.GroupVersionResource": {"group": "string", "version": "string", "resource": "string"},
    "kubernetes.UserInfo": {
        "username": "string",
        "uid": "string",
        "groups": "list(string)",
        "extra": "map(string, list(string))",
    },
    "kubernetes.Namespace": {
        "metadata": "kubernetes.NamespaceMetadata",
        "spec": "kubernetes.NamespaceSpec",
        "status": "kubernetes.NamespaceStatus",
    },
    "kubernetes.NamespaceMetadata": {
        "name": "string",
        "generateName": "string",
        "namespace": "string",
        "labels": "map(string, string)",
        "annotations": "map(string, string)",
        "UID": "string",
        "creationTimestamp": "timestamp",
        "deletionGracePeriodSeconds": "int",
        "deletionTimestamp": "timestamp",
        "generation": "int",
        "resourceVersion": "string",
        "finalizers": "list(string)",
    },
    "kubernetes.NamespaceSpec": {"finalizers": "list(string)"},
    "kubernetes.NamespaceStatus": {"conditions": "list(kubernetes.NamespaceCondition)", "phase": "string"},
    "kubernetes.NamespaceCondition": {
        "status": "string",
        "type": "string",
        "lastTransitionTime": "timestamp",
        "message": "string",
        "reason": "string",
    },
}
