// Lines of TAP for the programs of this folder, which Asgard::Sdk reads.
'use strict';
const {isDeepStrictEqual} = require('node:util');

let made = 0;

function ok(good, sentence, why) {
  made++;
  console.log(`${good ? '' : 'not '}ok ${made} - ${sentence}`);
  if (!good && why !== undefined) {
    console.log('# ' + JSON.stringify(why).slice(0, 400));
  }
}

function same(got, wanted, sentence) {
  ok(isDeepStrictEqual(got, wanted), sentence, {got, wanted});
}

// The call throws nothing.
async function passes(sentence, call) {
  try {
    await call();
  } catch (e) {
    ok(false, sentence, `${e.name}: ${e.message}`);
    return;
  }
  ok(true, sentence);
}

// Runs the program; a failure that is no line of its own ends it with 1.
function run(main) {
  main().then(() => console.log(`1..${made}`),
    (e) => { console.error(e); process.exitCode = 1; });
}

// All that comes of a stream, or of a list in pages.
async function collect(stream) {
  const all = [];
  for await (const chunk of await stream) all.push(chunk);
  return all;
}

module.exports = {collect, ok, passes, run, same};
