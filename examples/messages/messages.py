"""Four calls through Asgard with the official Anthropic SDK."""
import os

import anthropic

MODEL = os.environ.get("ASGARD_MODEL", "echo")
HELLO = [{"role": "user", "content": "Hello Asgard"}]
WORDS = [{"role": "user", "content": "One word after another"}]

client = anthropic.Anthropic(base_url=os.environ["ASGARD_URL"],
                             api_key=os.environ["ASGARD_KEY"])

raw = client.messages.with_raw_response.create(
    model=MODEL, max_tokens=100, messages=HELLO)
answer = raw.parse()
print("answer:", answer.content[0].text)
print("tokens:", answer.usage.input_tokens, "in,",
      answer.usage.output_tokens, "out")
print("cost:  ", raw.headers["x-asgard-cost-usd"], "USD")

print("stream:", end=" ", flush=True)
with client.messages.stream(
        model=MODEL, max_tokens=100, messages=WORDS) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)
print()

count = client.messages.count_tokens(model=MODEL, messages=HELLO)
print("counted:", count.input_tokens, "tokens, for nothing")

try:
    client.messages.create(model="no-such-model", max_tokens=100,
                           messages=HELLO)
except anthropic.APIStatusError as e:
    error = e.body["error"]
    print("refused:", e.status_code, error["code"], "-", error["message"])
