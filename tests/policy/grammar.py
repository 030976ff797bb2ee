"""Random expressions over a pod, with their types: most have a value, some err, and some no server takes."""

from hypothesis import strategies as st

Text = st.SearchStrategy[str]

STRINGS = [
    "object.metadata.name",
    "object.spec.containers[0].image",
    "object.spec.containers[0].resources.limits.memory",
    "object.metadata.?labels.?app.orValue('none')",
    "object.metadata.annotations.n",
    "object.metadata.labels.missing",
    "request.operation",
    "''",
    "'a'",
    "'10.0.0.1'",
    "'1Gi'",
    "'a,b,,c'",
    "'Ünïcode'",
    "'https://example.org:8443/p?q=1'",
    "'1.2.3-rc.1'",
]
INTS = [
    "0",
    "1",
    "-1",
    "7",
    "size(object.spec.containers)",
    "object.spec.containers[0].ports[0].containerPort",
    "9223372036854775807",
]
DOUBLES = ["0.0", "1.5", "-2.25", "1e10", "double(3)"]
BOOLS = ["true", "false", "has(object.spec.hostNetwork)", "object.spec.enableServiceLinks == true"]
LISTS = ["object.spec.containers.map(c, c.name)", "['a', 'b']", "[]", "['b', 'a', 'a']", "'a,b'.split(',')"]
INT_LISTS = ["[1, 2, 3]", "[3, 1, 2]", "[-1]", "object.spec.containers.map(c, size(c.name))"]
PATTERNS = ["'^[a-z]+$'", "'[0-9]+'", "'.*'", "'a*'", "'(a|b)c?'", "'\\\\\\\\.'"]
QUANTITIES = [
    "'1Gi'",
    "'500m'",
    "'1.5'",
    "'1e3'",
    "'-1k'",
    "'0'",
    "'1025Mi'",
    "object.spec.containers[0].resources.limits.cpu",
]
ADDRESSES = ["'10.0.0.1'", "'::1'", "'192.168.1.300'", "'2001:db8::'", "'169.254.0.1'", "'x'"]
NETWORKS = ["'10.0.0.0/8'", "'10.1.2.3/16'", "'::/0'", "'2001:db8::/32'", "'10.0.0.0/40'"]
VERSIONS = ["'1.2.3'", "'1.10.0'", "'1.2.3-alpha.1'", "'v1.2'", "'01.1.1'", "'2.0.0+x'"]
TIMES = ["timestamp('2026-01-31T12:30:45Z')", "timestamp('1999-12-31T23:59:59.5Z')"]
DURATIONS = ["duration('90m')", "duration('-1s')", "duration('1500ms')"]


def join(template: str, *parts: Text) -> Text:
    return st.tuples(*parts).map(lambda values: template.format(*values))


def string_expressions(ints: Text, lists: Text) -> Text:
    leaf = st.sampled_from(STRINGS)
    return st.one_of(
        leaf,
        join("{} + {}", leaf, leaf),
        join("{}.lowerAscii()", leaf),
        join("{}.upperAscii()", leaf),
        join("{}.replace({}, 'x')", leaf, leaf),
        join("{}.substring({})", leaf, ints),
        join("{}.substring({}, {})", leaf, ints, ints),
        join("{}.charAt({})", leaf, ints),
        join("{}.trim()", leaf),
        join("{}.find({})", leaf, st.sampled_from(PATTERNS)),
        join("{}.join('-')", lists),
        join("string({})", ints),
        join("string({})", st.sampled_from(DOUBLES)),
        join("strings.quote({})", leaf),
        join("'%s-%d'.format([{}, {}])", leaf, ints),
        join("'%s'.format([{}])", lists),
        join("'%.2f'.format([{}])", st.sampled_from(DOUBLES)),
        join("string({})", st.sampled_from(DURATIONS)),
        join("string({})", st.sampled_from(TIMES)),
        join("url({}).getHostname()", leaf),
        join("url({}).getEscapedPath()", leaf),
        join("string(ip({}))", st.sampled_from(ADDRESSES)),
        join("string(cidr({}).masked())", st.sampled_from(NETWORKS)),
    )


def int_expressions() -> Text:
    leaf = st.sampled_from(INTS)
    text = st.sampled_from(STRINGS)
    return st.one_of(
        leaf,
        join("{} + {}", leaf, leaf),
        join("{} * {}", leaf, leaf),
        join("{} / {}", leaf, leaf),
        join("{} % {}", leaf, leaf),
        join("size({})", text),
        join("{}.indexOf({})", text, text),
        join("{}.lastIndexOf({})", text, text),
        join("int({})", text),
        join("int({})", st.sampled_from(DOUBLES)),
        join("{}.sum()", st.sampled_from(INT_LISTS)),
        join("{}.min()", st.sampled_from(INT_LISTS)),
        join("{}.indexOf({})", st.sampled_from(INT_LISTS), leaf),
        join("quantity({}).compareTo(quantity({}))", st.sampled_from(QUANTITIES), st.sampled_from(QUANTITIES)),
        join("quantity({}).asInteger()", st.sampled_from(QUANTITIES)),
        join("quantity({}).add({}).asInteger()", st.sampled_from(QUANTITIES), leaf),
        join("sign(quantity({}))", st.sampled_from(QUANTITIES)),
        join("ip({}).family()", st.sampled_from(ADDRESSES)),
        join("cidr({}).prefixLength()", st.sampled_from(NETWORKS)),
        join("semver({}).minor()", st.sampled_from(VERSIONS)),
        join("semver({}).compareTo(semver({}))", st.sampled_from(VERSIONS), st.sampled_from(VERSIONS)),
        join("{}.getHours()", st.sampled_from(TIMES)),
        join("{}.getDayOfYear()", st.sampled_from(TIMES)),
        join("{}.getMilliseconds()", st.sampled_from(TIMES + DURATIONS)),
        join("int({})", st.sampled_from(DURATIONS + TIMES)),
        join("object.spec.?terminationGracePeriodSeconds.orValue({})", leaf),
    )


def list_expressions(ints: Text) -> Text:
    leaf = st.sampled_from(LISTS)
    return st.one_of(
        leaf,
        join("{} + {}", leaf, leaf),
        join("{}.filter(x, x != 'a')", leaf),
        join("{}.map(x, x + 'z')", leaf),
        join("{}.reverse()", leaf),
        join("{}.distinct()", leaf),
        join("{}.sort()", leaf),
        join("{}.slice({}, {})", leaf, ints, ints),
        join("{}.transformList(i, x, i > 0, x)", leaf),
        join("{}.split({})", st.sampled_from(STRINGS), st.sampled_from(STRINGS)),
        join("{}.findAll({})", st.sampled_from(STRINGS), st.sampled_from(PATTERNS)),
        join("{}.sortBy(x, size(x))", leaf),
    )


def bool_expressions() -> Text:
    ints = int_expressions()
    lists = list_expressions(ints)
    strings = string_expressions(ints, lists)
    simple = st.one_of(
        st.sampled_from(BOOLS),
        join("{} == {}", strings, strings),
        join("{} < {}", strings, strings),
        join("{} == {}", ints, ints),
        join("{} <= {}", ints, ints),
        join("{} < {}", ints, st.sampled_from(DOUBLES)),
        join("{} == {}", lists, lists),
        join("{} in {}", strings, lists),
        join("{}.all(x, x != {})", lists, strings),
        join("{}.exists(i, x, i == {} || x == 'a')", lists, ints),
        join("{}.exists_one(x, x == 'a')", lists),
        join("{}.isSorted()", lists),
        join("{}.matches({})", strings, st.sampled_from(PATTERNS)),
        join("{}.contains({})", strings, strings),
        join("{}.startsWith({})", strings, strings),
        join("sets.contains({}, {})", lists, lists),
        join("sets.intersects({}, {})", lists, lists),
        join("isQuantity({})", strings),
        join("isIP({})", strings),
        join("isCIDR({})", st.sampled_from(NETWORKS)),
        join("isURL({})", strings),
        join("isSemver({}, true)", st.sampled_from(VERSIONS)),
        join("quantity({}).isLessThan(quantity({}))", st.sampled_from(QUANTITIES), st.sampled_from(QUANTITIES)),
        join("quantity({}).isInteger()", st.sampled_from(QUANTITIES)),
        join("cidr({}).containsIP({})", st.sampled_from(NETWORKS), st.sampled_from(ADDRESSES)),
        join("cidr({}).containsCIDR({})", st.sampled_from(NETWORKS), st.sampled_from(NETWORKS)),
        join("ip({}).isGlobalUnicast()", st.sampled_from(ADDRESSES)),
        join("format.dns1123Label().validate({}).hasValue()", strings),
        join("format.qualifiedName().validate({}).hasValue()", strings),
        join("{} < {}", st.sampled_from(DURATIONS), st.sampled_from(DURATIONS)),
        join("{} + {} > {}", st.sampled_from(TIMES), st.sampled_from(DURATIONS), st.sampled_from(TIMES)),
        join("{}.first().orValue('q') == {}", lists, strings),
        join("{}[{}] == 'a'", lists, ints),
        join("optional.ofNonZeroValue({}).hasValue()", strings),
    )
    return st.recursive(
        simple,
        lambda inner: st.one_of(
            join("{} && {}", inner, inner),
            join("{} || {}", inner, inner),
            join("!({})", inner),
            join("({}) ? ({}) : ({})", inner, inner, inner),
            join("[1, 2].exists(y, y == 2 && ({}))", inner),
        ),
        max_leaves=3,
    )
