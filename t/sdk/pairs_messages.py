"""The words of t/sdk/pairs.json that are of /v1/messages, by the official
Python SDK of Anthropic.  pairs.py says them.
"""
import os

import anthropic

client = anthropic.Anthropic(base_url=os.environ["ASGARD_URL"],
                             api_key=os.environ["ASGARD_GOOD_KEY"],
                             max_retries=0)
WEATHER = {"name": "weather", "description": "The weather of a city.",
           "input_schema": {"type": "object",
                            "properties": {"city": {"type": "string"}},
                            "required": ["city"]}}


def user(content):
    return {"role": "user", "content": content}


def ask(model, content="Hello", **more):
    more.setdefault("messages", [user(content)])
    return client.messages.create(model=model, max_tokens=50, **more)


def messages(model):
    r = ask(model)
    assert "Hello" in r.content[0].text, r
    assert r.model == model and r.stop_reason == "end_turn", r
    assert r.usage.input_tokens > 0 and r.usage.output_tokens > 0, r


def in_a_stream(model, content, **more):
    with client.messages.stream(model=model, max_tokens=50,
                                messages=[user(content)], **more) as s:
        return s.get_final_message()


def messages_in_a_stream(model):
    r = in_a_stream(model, "Hello")
    assert "Hello" in r.content[0].text, r
    assert r.usage.output_tokens > 0, r


def round_trip(model, said):
    """What the model called goes back with a result."""
    assert said.stop_reason == "tool_use", said
    (call,) = [b for b in said.content if b.type == "tool_use"]
    assert call.name == "weather", call
    assert call.input == {"city": "Z\u00fcrich \"x\"\n"}, call
    r = ask(model, tools=[WEATHER], messages=[
        user("weather?"), {"role": "assistant", "content": said.content},
        user([{"type": "tool_result", "tool_use_id": call.id,
               "content": "18 C"}])])
    assert r.content[0].text == "The tool said: 18 C", r


def tools(model):
    round_trip(model, ask(model, "weather?", tools=[WEATHER]))


def tools_in_a_stream(model):
    round_trip(model, in_a_stream(model, "weather?", tools=[WEATHER]))


def image(model):
    r = ask(model, [
        {"type": "text", "text": "What is it?"},
        {"type": "image", "source": {
            "type": "base64", "media_type": "image/png",
            "data": "iVBORw0KGgo="}}])
    assert r.content[0].text == "An image of 8 bytes.", r


CHECKS = {"messages": messages, "messages in a stream": messages_in_a_stream,
          "tools of messages": tools,
          "tools of messages in a stream": tools_in_a_stream,
          "image of messages": image}
