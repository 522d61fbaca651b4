"""What the official Python SDK of Anthropic sees behind Asgard.

Prints TAP; t/sdk/sdk_messages.t starts it, reads it, and answers its calls in
this order.
"""
import os

import anthropic

from tap import end, same

URL = os.environ["ASGARD_URL"]
WEATHER = {"name": "weather", "description": "tells it", "input_schema": {
    "type": "object", "properties": {"city": {"type": "string"}}}}


def client_of(name, **more):
    key = os.environ["ASGARD_%s_KEY" % name.upper()]
    more.setdefault("max_retries", 0)
    return anthropic.Anthropic(base_url=URL, api_key=key, **more)


client = client_of("good")


def ask(who=client, **more):
    more.setdefault("model", "claude")
    more.setdefault("max_tokens", 50)
    more.setdefault("messages", [{"role": "user", "content": "Hello"}])
    return who.messages.create(**more)


def fails(kind, status, code, sentence, call):
    try:
        call()
        same("an answer", kind.__name__, sentence)
    except anthropic.APIStatusError as e:
        same((type(e).__name__, e.status_code, e.body["error"]["code"],
              e.request_id == e.body["request_id"]),
             (kind.__name__, status, code, True), sentence)


answer = ask(system="Be brief.", metadata={"user_id": "mallory"})
same(answer.content[0].text, "Bonjour.", "a call is answered")
same((answer.model, answer.stop_reason, answer.usage.input_tokens,
      answer.usage.output_tokens), ("claude", "end_turn", 10, 20),
     "with its model, its end and its usage")
same(bool(answer._request_id), True, "and a request id")

bearer = anthropic.Anthropic(
    base_url=URL, auth_token=os.environ["ASGARD_GOOD_KEY"], max_retries=0)
same(ask(bearer).content[0].text, "Bonjour.", "the key may be a bearer")

with client.messages.stream(
        model="claude", max_tokens=50,
        messages=[{"role": "user", "content": "Hello"}]) as stream:
    same("".join(stream.text_stream), "Let me look.", "a stream has its text")
    final = stream.get_final_message()
same((final.usage.input_tokens, final.usage.output_tokens), (10, 20),
     "and its usage")

with client.messages.stream(
        model="claude", max_tokens=50, tools=[WEATHER],
        messages=[{"role": "user", "content": "weather?"}]) as stream:
    final = stream.get_final_message()
call = final.content[-1]
same((final.stop_reason, call.name, call.input),
     ("tool_use", "weather", {"city": "Z\u00fcrich \"x\"\n"}),
     "the SDK puts a streamed call of a tool together")
answer = ask(tools=[WEATHER], messages=[
    {"role": "user", "content": "weather?"},
    {"role": "assistant", "content": final.content},
    {"role": "user", "content": [{
        "type": "tool_result", "tool_use_id": call.id, "content": "18 C"}]}])
same(answer.content[0].text, "Sunny.", "and its result goes back")

answer = ask(messages=[{"role": "user", "content": [
    {"type": "text", "text": "what is it?"},
    {"type": "image", "source": {"type": "base64", "media_type": "image/png",
                                 "data": "iVBORw0KGgo="}}]}])
same(answer.content[0].text, "A dot.", "an image is looked at")

same(client.messages.count_tokens(
    model="claude", messages=[{"role": "user", "content": "Hello"}]
).input_tokens, 14, "tokens are counted")
same(client.beta.messages.create(
    model="claude", max_tokens=50, betas=["first-beta", "none-such"],
    messages=[{"role": "user", "content": "Hello"}]).content[0].text,
    "Bonjour.", "the SDK's beta names work")

try:
    with client.messages.stream(
            model="claude", max_tokens=50,
            messages=[{"role": "user", "content": "Hello"}]) as stream:
        stream.get_final_message()
    same("an answer", "an error", "an error inside a stream is one")
except anthropic.APIStatusError as e:
    same(e.body["error"]["code"], "upstream_error",
         "an error inside a stream is one")

fails(anthropic.OverloadedError, 529, "upstream_overloaded",
      "an overloaded provider", ask)
fails(anthropic.RateLimitError, 429, "upstream_rate_limited",
      "a provider that limits its rate", ask)
fails(anthropic.BadRequestError, 400, "upstream_rejected",
      "a request that the provider refuses", ask)
fails(anthropic.InternalServerError, 502, "upstream_error",
      "a provider that fails", ask)
retrying = client_of("good", max_retries=2)
same(ask(retrying).content[0].text, "Bonjour.",
     "what may pass is tried again by the SDK")

fails(anthropic.AuthenticationError, 401, "invalid_api_key",
      "a revoked key", lambda: ask(client_of("revoked", max_retries=2)))
fails(anthropic.PermissionDeniedError, 403, "project_killed",
      "a killed project", lambda: ask(client_of("killed")))
fails(anthropic.RateLimitError, 429, "budget_exceeded",
      "no budget", lambda: ask(client_of("poor", max_retries=2)))
fails(anthropic.NotFoundError, 404, "model_not_found",
      "no such model", lambda: ask(model="none-such"))
fails(anthropic.NotFoundError, 404, "api_not_supported",
      "a model of another API", lambda: ask(model="gpt"))
fails(anthropic.BadRequestError, 400, "unknown_field",
      "a field that is not allowed",
      lambda: ask(extra_body={"api_base": "http://evil.test"}))

end()
