/*
 * Where a rule is worth asking, by vectors: a bit for each byte of a block at
 * which an anchor may stand.  Private to core/.
 *
 * Included with VECTOR, BLOCK, LOAD, EQUAL, AND, OR, DIGITS, LOWER, MASK and
 * INLINE defined, once for each width.  It may say yes too often, as the rules
 * are asked then, and never no where guard_find.c's own table says yes.
 */

INLINE VECTOR three(VECTOR a, VECTOR b, VECTOR c, const char *letters)
{
    return AND(AND(EQUAL(a, letters[0]), EQUAL(b, letters[1])),
               EQUAL(c, letters[2]));
}

/* Words of core/guard_phrase.c, each by three letters in a row that are rare
 * elsewhere; capitals do not count. */
INLINE VECTOR words(VECTOR a, VECTOR b, VECTOR c)
{
    VECTOR found = three(a, b, c, "gno");

    found = OR(found, three(a, b, c, "sre"));
    found = OR(found, three(a, b, c, "rge"));
    found = OR(found, three(a, b, c, "rri"));
    found = OR(found, three(a, b, c, "ypa"));
    found = OR(found, three(a, b, c, "mpt"));
    return OR(found, three(a, b, c, "yth"));
}

INLINE VECTOR numbers(VECTOR a, VECTOR b, VECTOR c, VECTOR d)
{
    return AND(AND(DIGITS(a), DIGITS(b)),
               AND(DIGITS(c), OR(DIGITS(d), EQUAL(d, '-'))));
}

INLINE VECTOR secrets(VECTOR a, VECTOR b, VECTOR c, VECTOR d, VECTOR e)
{
    VECTOR line = EQUAL(a, '_');
    VECTOR aws = AND(EQUAL(a, 'A'), EQUAL(d, 'A'));
    VECTOR token = AND(AND(EQUAL(a, 'g'), EQUAL(b, 'h')), EQUAL(d, '_'));
    VECTOR pat = AND(AND(line, EQUAL(b, 'p')), EQUAL(e, '_'));
    VECTOR key = three(a, b, c, "--B");

    return OR(OR(aws, token), OR(pat, key));
}

/* Reads BLOCK + 4 bytes. */
INLINE uint32_t anchors(const char *p)
{
    VECTOR a = LOAD(p), b = LOAD(p + 1), c = LOAD(p + 2), d = LOAD(p + 3);
    VECTOR e = LOAD(p + 4);
    VECTOR found = OR(EQUAL(a, '@'), numbers(a, b, c, d));

    found = OR(found, secrets(a, b, c, d, e));
    return MASK(OR(found, words(LOWER(a), LOWER(b), LOWER(c))));
}
