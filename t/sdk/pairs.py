"""Each API of each kind of backend, by the official Python SDKs of OpenAI and
(pairs_messages.py) of Anthropic.

Prints TAP: a line for each word of the table t/sdk/pairs.json.
"""
import json
import os

import anthropic
import openai

import pairs_messages
import tap

client = openai.OpenAI(base_url=os.environ["ASGARD_URL"] + "/v1",
                       api_key=os.environ["ASGARD_GOOD_KEY"], max_retries=0)
PIXEL = "data:image/png;base64,iVBORw0KGgo="
TOOLS = [{"type": "function", "function": {
    "name": "weather", "description": "The weather of a city.",
    "parameters": {"type": "object",
                   "properties": {"city": {"type": "string"}},
                   "required": ["city"]}}}]
FAILURES = [(429, ("RateLimitError", 429, "upstream_rate_limited")),
            (503, ("InternalServerError", 502, "upstream_error")),
            (400, ("BadRequestError", 400, "upstream_rejected"))]


def user(content):
    return [{"role": "user", "content": content}]


def ask(model, content="Hello", **more):
    more.setdefault("messages", user(content))
    return client.chat.completions.create(model=model, **more)


def said(text):
    return "Hello" in text


def chat(model):
    r = ask(model)
    assert said(r.choices[0].message.content), r
    assert r.choices[0].finish_reason == "stop", r
    assert r.model == model and r.usage.total_tokens > 0, r


def usage_of(chunks):
    """Exactly one event has it."""
    (usage,) = [c.usage for c in chunks if c.usage]
    return usage


def stream(model):
    chunks = list(ask(model, stream=True,
                      stream_options={"include_usage": True}))
    text = "".join(c.choices[0].delta.content or ""
                   for c in chunks if c.choices)
    assert said(text), text
    assert usage_of(chunks).completion_tokens > 0, chunks[-1]
    assert not [c for c in ask(model, stream=True) if c.usage]


def round_trip(model, choice):
    """What the model called goes back with a result."""
    assert choice.finish_reason == "tool_calls", choice
    (call,) = choice.message.tool_calls
    assert call.function.name == "weather", call
    assert json.loads(call.function.arguments) == {"city": "Z\u00fcrich \"x\"\n"}, call
    r = ask(model, tools=TOOLS, messages=user("weather?") + [
        choice.message.model_dump(
            exclude_none=True, include={"role", "content", "tool_calls"}),
        {"role": "tool", "tool_call_id": call.id, "content": "18 C"}])
    assert r.choices[0].message.content == "The tool said: 18 C", r


def two_answers(model):
    ask(model, n=2)


def tools(model):
    round_trip(model, ask(model, "weather?", tools=TOOLS).choices[0])


def tools_in_a_stream(model):
    with client.chat.completions.stream(
            model=model, tools=TOOLS, messages=user("weather?")) as s:
        round_trip(model, s.get_final_completion().choices[0])


def image(model):
    r = ask(model, [{"type": "text", "text": "What is it?"},
                    {"type": "image_url", "image_url": {"url": PIXEL}}])
    assert r.choices[0].message.content == "An image of 8 bytes.", r


def completions(model):
    r = client.completions.create(model=model, prompt="Hello", max_tokens=50)
    assert said(r.choices[0].text) and r.usage.total_tokens > 0, r


def completions_in_a_stream(model):
    chunks = list(client.completions.create(
        model=model, prompt="Hello", max_tokens=50, stream=True,
        stream_options={"include_usage": True}))
    text = "".join(c.choices[0].text or "" for c in chunks if c.choices)
    assert said(text), text
    assert usage_of(chunks).completion_tokens > 0, chunks[-1]


def embeddings(model):
    r = client.embeddings.create(model=model, input=["Hello", "you"])
    assert [d.index for d in r.data] == [0, 1], r
    assert all(isinstance(x, float) for d in r.data for x in d.embedding), r
    assert r.usage.prompt_tokens > 0, r


def responses(model):
    client.responses.create(model=model, input="Hello")


def raises(kind, status, code, call):
    """Of either SDK, which have the same names for them."""
    try:
        call()
    except (openai.APIStatusError, anthropic.APIStatusError) as e:
        said = e.code if isinstance(e, openai.APIStatusError) \
            else e.body["error"]["code"]
        got = (type(e).__name__, e.status_code, said)
        assert got == (kind, status, code), e
        return
    raise AssertionError("nothing was raised")


def fails(model, call):
    """An echo is told how to fail by its name, a fake by what it is asked."""
    for status, wanted in FAILURES:
        name, text = (model + ":status=%d" % status, "Hello") \
            if model == "echo" else (model, "status=%d" % status)
        raises(*wanted, lambda: call(name, text))


def errors(model):
    fails(model, ask)
    fails(model, lambda *a: list(ask(*a, stream=True)))


def errors_of_completions(model):
    def call(name, text, **more):
        return client.completions.create(model=name, prompt=text,
                                         max_tokens=50, **more)
    fails(model, call)
    fails(model, lambda *a: list(call(*a, stream=True)))


def errors_of_embeddings(model):
    fails(model, lambda name, text: client.embeddings.create(
        model=name, input=[text, "Hello"]))


def errors_of_messages(model):
    fails(model, pairs_messages.ask)
    fails(model, lambda *a: list(pairs_messages.ask(*a, stream=True)))


def overload(model):
    raises("InternalServerError", 503, "upstream_overloaded",
           lambda: ask(model, "status=529"))


def overload_of_messages(model):
    raises("OverloadedError", 529, "upstream_overloaded",
           lambda: pairs_messages.ask(model, "status=529"))


CHECKS = {**pairs_messages.CHECKS, "chat": chat, "stream": stream,
          "tools": tools, "tools in a stream": tools_in_a_stream,
          "image": image, "errors": errors, "completions": completions,
          "completions in a stream": completions_in_a_stream,
          "errors of completions": errors_of_completions,
          "embeddings": embeddings,
          "errors of embeddings": errors_of_embeddings,
          "errors of messages": errors_of_messages, "overload": overload,
          "overload of messages": overload_of_messages,
          "responses": responses, "two answers": two_answers}
REFUSALS = {"lacks": ("NotFoundError", 404, "api_not_supported"),
            "unsupported": ("BadRequestError", 400, "unsupported_field"),
            "unbound": ("BadRequestError", 400, "unbound_content"),
            "unserved": ("NotFoundError", 404, "not_found")}


def main():
    with open(os.environ["ASGARD_PAIRS"]) as f:
        table = json.load(f)
    for row in table:
        name, model = "%(kind)s: %(model)s: " % row, row["model"]
        for word in row.get("can", []):
            tap.passes(name + word, lambda: CHECKS[word](model))
        for how, wanted in REFUSALS.items():
            for word in row.get(how, []):
                tap.passes(name + word + " " + wanted[2],
                           lambda: raises(*wanted,
                                          lambda: CHECKS[word](model)))
    tap.end()


main()
