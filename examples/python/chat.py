"""Three calls through Asgard with the official OpenAI SDK."""
import os

import openai

HELLO = [{"role": "user", "content": "Hello Asgard"}]

client = openai.OpenAI(base_url=os.environ["ASGARD_URL"] + "/v1",
                       api_key=os.environ["ASGARD_KEY"])

raw = client.chat.completions.with_raw_response.create(
    model="echo", messages=HELLO)
answer = raw.parse()
print("answer:", answer.choices[0].message.content)
print("tokens:", answer.usage.prompt_tokens, "in,",
      answer.usage.completion_tokens, "out")
print("cost:  ", raw.headers["x-asgard-cost-usd"], "USD")

print("stream:", end=" ", flush=True)
for chunk in client.chat.completions.create(
        model="echo:chunks=5", stream=True,
        messages=[{"role": "user", "content": "One word after another"}]):
    print(chunk.choices[0].delta.content or "", end="", flush=True)
print()

try:
    client.chat.completions.create(model="no-such-model", messages=HELLO)
except openai.APIStatusError as e:
    print("refused:", e.status_code, e.code, "-", e.body["message"])
