// Three calls through Asgard with the official OpenAI SDK.
import OpenAI from 'openai';

const hello = [{role: 'user', content: 'Hello Asgard'}];

const client = new OpenAI({
  baseURL: process.env.ASGARD_URL + '/v1',
  apiKey: process.env.ASGARD_KEY,
});

const {data, response} = await client.chat.completions.create({
  model: 'echo',
  messages: hello,
}).withResponse();
console.log('answer:', data.choices[0].message.content);
console.log('tokens:', data.usage.prompt_tokens, 'in,',
  data.usage.completion_tokens, 'out');
console.log('cost:  ', response.headers.get('x-asgard-cost-usd'), 'USD');

process.stdout.write('stream: ');
for await (const chunk of await client.chat.completions.create({
  model: 'echo:chunks=5',
  stream: true,
  messages: [{role: 'user', content: 'One word after another'}],
})) {
  process.stdout.write(chunk.choices[0].delta.content ?? '');
}
process.stdout.write('\n');

try {
  await client.chat.completions.create({
    model: 'no-such-model',
    messages: hello,
  });
} catch (e) {
  console.log('refused:', e.status, e.code, '-', e.error.message);
}
