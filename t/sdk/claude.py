"""What the official Python SDK of OpenAI sees of a model of Anthropic's.

Prints TAP; t/sdk/sdk_anthropic.t starts it, reads it, and answers its calls
in this order.
"""
import json
import os

import openai

from tap import end, same

client = openai.OpenAI(base_url=os.environ["ASGARD_URL"] + "/v1",
                       api_key=os.environ["ASGARD_GOOD_KEY"], max_retries=0)
TOOLS = [{"type": "function", "function": {
    "name": "weather", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}}}}]


def ask(**more):
    more.setdefault("messages", [{"role": "user", "content": "Hello"}])
    return client.chat.completions.create(model="claude", **more)


answer = ask(user="mallory")
same(answer.choices[0].message.content, "Bonjour.", "a call is answered")
same(answer.choices[0].finish_reason, "stop", "and ended")
same(answer.usage.prompt_tokens, 10, "with its usage")

chunks = list(ask(stream=True, stream_options={"include_usage": True}))
same("".join(c.choices[0].delta.content or "" for c in chunks if c.choices),
     "Let me look.", "a stream has its text")
same(chunks[-1].usage.completion_tokens, 20, "and its usage at the end")

with client.chat.completions.stream(
        model="claude", tools=TOOLS,
        messages=[{"role": "user", "content": "weather?"}]) as stream:
    final = stream.get_final_completion()
call = final.choices[0].message.tool_calls[0]
same(final.choices[0].finish_reason, "tool_calls",
     "the SDK puts a streamed call of a tool together")
same(json.loads(call.function.arguments), {"city": "Z\u00fcrich \"x\"\n"},
     "with its arguments")

answer = ask(tools=TOOLS, messages=[
    {"role": "user", "content": "weather?"},
    final.choices[0].message.model_dump(
        exclude_none=True, include={"role", "content", "tool_calls"}),
    {"role": "tool", "tool_call_id": call.id, "content": "18 C"}])
same(answer.choices[0].message.content, "Sunny.",
     "and the result of the tool goes back")

answer = ask(messages=[{"role": "user", "content": [
    {"type": "text", "text": "what is it?"},
    {"type": "image_url", "image_url": {
        "url": "data:image/png;base64,iVBORw0KGgo="}}]}])
same(answer.choices[0].message.content, "A dot.", "an image is looked at")

try:
    ask()
    same("an answer", "an error", "an overloaded provider is an error")
except openai.InternalServerError as e:
    same((e.status_code, e.code), (503, "upstream_overloaded"),
         "an overloaded provider is an error")

try:
    ask(n=2)
    same("an answer", "an error", "what cannot be asked is an error")
except openai.BadRequestError as e:
    same((e.code, e.param), ("unsupported_field", "n"),
         "what cannot be asked is an error")

end()
