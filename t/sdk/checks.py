"""What the official Python SDK of OpenAI sees behind Asgard.

Prints TAP; t/sdk/sdk_python.t starts it and reads it.  The client is used
with its defaults, retries included: only the address and the key are ours.
"""
import os
import sys
import time

import openai

from tap import end, ok, same

URL = os.environ["ASGARD_URL"] + "/v1"
HELLO = [{"role": "user", "content": "Hello from Python"}]
requests = 0
versions = set()


def key(name):
    return os.environ["ASGARD_%s_KEY" % name.upper()]


def count(_request):
    global requests
    requests += 1


def note_version(response):
    versions.add(response.http_version)


def client(name="good", **more):
    return openai.OpenAI(
        base_url=URL, api_key=more.pop("api_key", None) or key(name),
        http_client=openai.DefaultHttpxClient(
            http2=URL.startswith("https:"),
            event_hooks={"request": [count], "response": [note_version]}),
        **more)


def refused(call, kind, status, code, sends, sentence):
    """The call raises exactly `kind` and goes out `sends` times."""
    global requests
    requests = 0
    try:
        call()
    except openai.APIStatusError as e:
        good = (type(e) is kind and e.status_code == status
                and e.code == code and requests == sends)
        ok(good, sentence, (type(e).__name__, e.status_code, e.code, requests,
                            str(e)))
        return e
    ok(False, sentence, "nothing was raised")
    return None


def chat(c, model="one", **more):
    more.setdefault("messages", HELLO)
    return c.chat.completions.create(model=model, **more)


def answers(c):
    r = chat(c)
    same(r.model, "one", "the answer names the model that was asked for")
    ok(bool(r.choices[0].message.content), "the answer has a text")
    same((r.usage.prompt_tokens, r.usage.completion_tokens), (10, 20),
         "the answer has the provider's usage")
    raw = c.chat.completions.with_raw_response.create(
        model="one", messages=HELLO,
        extra_headers={"x-asgard-trace-id": "python.1"})
    same(raw.headers.get("x-asgard-trace-id"), "python.1",
         "a trace id of the client is kept")
    same(raw.headers.get("x-asgard-cost-usd"), "0.00021",
         "the cost stands in a header")
    r = chat(c, "echo", max_completion_tokens=50)
    ok("Hello from Python" in r.choices[0].message.content,
       "echo answers with the prompt")
    r = c.completions.create(model="echo", prompt="Say it", max_tokens=16)
    ok("Say it" in r.choices[0].text, "completions are answered", r)
    r = c.embeddings.create(model="echo", input=["one", "two"])
    same(len(r.data), 2, "embeddings: one vector for each input")
    ok(all(isinstance(x, float) for x in r.data[0].embedding)
       and len(r.data[0].embedding) > 0, "a vector is a list of numbers")
    ok(r.usage.prompt_tokens > 0, "embeddings have usage")


def streams(c):
    begun = time.monotonic()
    times, chunks = [], []
    with chat(c, "echo:chunks=8,gap_ms=60", stream=True) as stream:
        for chunk in stream:
            times.append(time.monotonic() - begun)
            chunks.append(chunk)
    text = "".join(x.choices[0].delta.content or "" for x in chunks)
    ok("Hello from Python" in text, "a stream carries the whole text", text)
    ok(times[0] < times[-1] / 2, "chunks arrive as they are made", times)
    ok(all(x.choices for x in chunks) and not any(x.usage for x in chunks),
       "no extra usage event for a client that did not ask")
    same(chunks[-1].choices[0].finish_reason, "stop", "a stream has its end")
    chunks = list(chat(c, "echo", stream=True,
                       stream_options={"include_usage": True}))
    same(chunks[-1].choices, [], "with include_usage: an event of its own")
    ok(chunks[-1].usage.completion_tokens > 0, "which has the usage")
    same(sum(1 for x in chunks if x.usage), 1, "and it comes once")
    chunks = list(c.completions.create(model="echo", prompt="Say it",
                                       max_tokens=16, stream=True))
    ok("Say it" in "".join(x.choices[0].text for x in chunks),
       "completions stream too")
    try:
        list(chat(c, "echo:chunks=20,cut=3", stream=True))
        ok(False, "a stream that the provider cuts raises an error")
    except Exception as e:
        ok(True, "a stream that the provider cuts raises an error")


def models(c):
    ids = [m.id for m in c.models.list()]
    ok("one" in ids and "echo" in ids, "models are listed by name", ids)
    same(c.models.retrieve("one").id, "one", "a model is found by its name")
    same(c.models.retrieve("model:test/one").id, "model:test/one",
         "and by its ref, slash and all")
    same([m.id for m in client("narrow").models.list()], ["one"],
         "a key with a list of models sees these only")
    refused(lambda: c.models.retrieve("nothing"), openai.NotFoundError, 404,
            "model_not_found", 1, "an unknown model is NotFoundError")


def identity():
    refused(lambda: chat(client(api_key="asg_" + "0" * 64)),
            openai.AuthenticationError, 401, "invalid_api_key", 1,
            "an unknown key is AuthenticationError")
    refused(lambda: chat(client(api_key="nonsense")),
            openai.AuthenticationError, 401, "invalid_api_key", 1,
            "and so is one that is no key at all")
    refused(lambda: chat(client("revoked")), openai.AuthenticationError, 401,
            "invalid_api_key", 1, "and a revoked one")
    refused(lambda: chat(client("killed")), openai.PermissionDeniedError, 403,
            "project_killed", 1, "a killed project is PermissionDeniedError")
    refused(lambda: chat(client("narrow"), "echo"), openai.NotFoundError, 404,
            "model_not_found", 1, "a model outside a key's list is unknown")


def requests_refused(c):
    bad = openai.BadRequestError
    refused(lambda: chat(c, "nothing"), openai.NotFoundError, 404,
            "model_not_found", 1, "an unknown model of a call too")
    e = refused(lambda: chat(c, extra_body={"surprise": 1}), bad, 400,
                "unknown_field", 1, "an unknown field is BadRequestError")
    same(e and e.param, "surprise", "which names the field")
    refused(lambda: chat(c, max_tokens=5, max_completion_tokens=5), bad, 400,
            "conflicting_fields", 1, "two output limits are BadRequestError")
    refused(lambda: chat(c, temperature="warm"), bad, 400, "invalid_value", 1,
            "a value of the wrong type is BadRequestError")
    refused(lambda: chat(c, "picky"), bad, 400, "upstream_rejected", 1,
            "what the provider finds invalid is BadRequestError")


def money():
    e = refused(lambda: chat(client("poor")), openai.RateLimitError, 429,
                "budget_exceeded", 1,
                "an empty budget is RateLimitError, and not tried again")
    if e is None:
        return
    same(e.type, "budget_exceeded", "its type tells it from a rate limit")
    same(e.response.headers.get("x-should-retry"), "false",
         "by x-should-retry: false")
    same((e.body["scope"], e.body["scope_id"], e.body["window"]),
         ("project", os.environ["ASGARD_POOR_PROJECT"], "total"),
         "it says whose budget it was")
    same([str(e.body[x]) for x in ("limit_usd", "spent_usd", "held_usd")],
         ["0", "0", "0"], "and its limit, spent, held")
    same(e.body["resets_at"], None, "and that it does not reset")


def failures(c):
    down, once = openai.InternalServerError, client(max_retries=0)
    refused(lambda: chat(c, "echo:status=503"), down, 502, "upstream_error",
            3, "a provider's 503 is InternalServerError, 502, tried again")
    refused(lambda: chat(c, "echo:status=500", stream=True), down, 502,
            "upstream_error", 3, "before the first byte of a stream too")
    refused(lambda: chat(c, "locked"), down, 502, "upstream_error", 1,
            "a provider that refuses our key: 502, not the client's 401")
    refused(lambda: chat(c, "slow"), down, 504, "upstream_timeout", 1,
            "a provider that does not answer: 504, not tried again")
    e = refused(lambda: chat(once, "busy"), openai.RateLimitError, 429,
                "upstream_rate_limited", 1,
                "a provider's rate limit is RateLimitError")
    same(e and e.response.headers.get("retry-after"), "7",
         "with the provider's Retry-After")
    image = {"type": "image_url", "image_url": {
        "url": "data:image/png;base64,iVBORw0KGgo="}}
    refused(lambda: chat(c, messages=[{"role": "user", "content": [image]}]),
            openai.BadRequestError, 400, "unbound_content", 1,
            "content that the model has no bound for is BadRequestError")


def redis_away(c):
    refused(lambda: chat(c), openai.InternalServerError, 503,
            "budget_unavailable", 3,
            "an uncountable call is 503, and tried again by the SDK's rule")


def main():
    c = client()
    if sys.argv[1:] == ["redis-away"]:
        redis_away(c)
        end()
        return
    answers(c)
    streams(c)
    models(c)
    identity()
    requests_refused(c)
    money()
    failures(c)
    same(versions, {"HTTP/2" if URL.startswith("https:") else "HTTP/1.1"},
         "every answer came in one version of HTTP")
    end()


main()
