// What the official Node SDK of OpenAI sees of a model of Anthropic's.
//
// Prints TAP; t/sdk/sdk_anthropic.t starts it, reads it, and answers its calls
// in this order.
'use strict';
const OpenAI = require('openai');
const {run, same} = require('./tap.cjs');

const client = new OpenAI({baseURL: process.env.ASGARD_URL + '/v1',
  apiKey: process.env.ASGARD_GOOD_KEY, maxRetries: 0});
const TOOLS = [{type: 'function', function: {name: 'weather', parameters: {
  type: 'object', properties: {city: {type: 'string'}}}}}];

function ask(more = {}) {
  return client.chat.completions.create({model: 'claude',
    messages: [{role: 'user', content: 'Hello'}], ...more});
}

async function fails(kind, wanted, sentence, call) {
  try {
    await call();
    same('an answer', kind.name, sentence);
  } catch (e) {
    same([e.constructor.name, e.status, e.code, e.param],
      [kind.name, ...wanted], sentence);
  }
}

async function main() {
  let answer = await ask({user: 'mallory'});
  same([answer.choices[0].message.content, answer.choices[0].finish_reason,
    answer.usage.prompt_tokens], ['Bonjour.', 'stop', 10],
  'a call is answered, with its end and its usage');

  let text = '';
  let last;
  for await (const chunk of await ask({stream: true,
    stream_options: {include_usage: true}})) {
    text += chunk.choices[0]?.delta?.content ?? '';
    last = chunk;
  }
  same(text, 'Let me look.', 'a stream has its text');
  same(last.usage.completion_tokens, 20, 'and its usage at the end');

  const runner = client.chat.completions.stream({model: 'claude', tools: TOOLS,
    messages: [{role: 'user', content: 'weather?'}]});
  const final = await runner.finalChatCompletion();
  const message = final.choices[0].message;
  const call = message.tool_calls[0];
  same([final.choices[0].finish_reason, JSON.parse(call.function.arguments)],
    ['tool_calls', {city: 'Z\u00fcrich "x"\n'}],
    'the SDK puts a streamed call of a tool together');
  answer = await ask({tools: TOOLS, messages: [
    {role: 'user', content: 'weather?'},
    {role: 'assistant', content: message.content, tool_calls: [
      {id: call.id, type: 'function', function: {name: call.function.name,
        arguments: call.function.arguments}}]},
    {role: 'tool', tool_call_id: call.id, content: '18 C'}]});
  same(answer.choices[0].message.content, 'Sunny.',
    'and the result of the tool goes back');

  answer = await ask({messages: [{role: 'user', content: [
    {type: 'text', text: 'what is it?'},
    {type: 'image_url', image_url: {
      url: 'data:image/png;base64,iVBORw0KGgo='}}]}]});
  same(answer.choices[0].message.content, 'A dot.', 'an image is looked at');

  await fails(OpenAI.InternalServerError, [503, 'upstream_overloaded', null],
    'an overloaded provider is an error', () => ask());
  await fails(OpenAI.BadRequestError, [400, 'unsupported_field', 'n'],
    'what cannot be asked is an error', () => ask({n: 2}));
}

run(main);
