// The table's command that serves a page and an API: serve.

import type { Command } from './types.ts';

export const SERVE = {
  text: 'serve the project to a browser and over HTTP',
  options: {
    port: { value: 'PORT', default: '8080', text: 'listen on PORT; 0 takes any free one' },
    host: { value: 'ADDRESS', default: '127.0.0.1', text: 'listen on ADDRESS' },
    'read-only': { text: 'offer nothing that changes the project' },
    open: { text: 'open the page in a browser' },
    'token-file': {
      value: 'FILE',
      text: 'read the token from FILE, or write a new one there (default: .vlb/serve/token)',
    },
    'trust-header': {
      value: 'NAME',
      text: 'admit requests with header NAME, in which an authenticating proxy names the user',
    },
    'tls-cert': { value: 'FILE', text: 'use TLS with the certificate in FILE (PEM, with its chain)' },
    'tls-key': { value: 'FILE', text: 'read the key of the certificate from FILE (PEM)' },
    insecure: { text: 'listen on a network without TLS' },
  },
  examples: [
    ['vlb serve', 'print the address to open; only this machine can reach it'],
    ['vlb serve --open --read-only', 'open a page that changes nothing'],
    ['vlb serve --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem', 'on a network'],
  ],
} as const satisfies Command;
