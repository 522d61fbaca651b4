// Loaded before a program: the name in the certificate is on ::1.
'use strict';
const dns = require('node:dns');

const lookup = dns.lookup;
dns.lookup = (host, options, callback) => {
  if (host !== 'ai.example.com') return lookup(host, options, callback);
  const done = callback ?? options;
  if (options.all) return done(null, [{address: '::1', family: 6}]);
  return done(null, '::1', 6);
};
