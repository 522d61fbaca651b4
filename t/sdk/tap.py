"""Lines of TAP for the programs of this folder, which Asgard::Sdk reads."""
made = 0


def ok(good, sentence, why=None):
    global made
    made += 1
    print("%sok %d - %s" % ("" if good else "not ", made, sentence))
    if not good and why is not None:
        print("# " + str(why).replace("\n", " ")[:400])


def same(got, wanted, sentence):
    ok(got == wanted, sentence, "%r instead of %r" % (got, wanted))


def passes(sentence, call):
    """The call raises nothing."""
    try:
        call()
    except Exception as e:
        ok(False, sentence, "%s: %s" % (type(e).__name__, e))
    else:
        ok(True, sentence)


def end():
    print("1..%d" % made)
