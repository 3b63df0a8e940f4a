// The packages that speak HTTP, in a module that is a file of its own in the bundle: only `vlb serve` loads it.

export { getRequestListener } from '@hono/node-server';
export { Hono } from 'hono';
export { bodyLimit } from 'hono/body-limit';
export { getCookie } from 'hono/cookie';
export { parse as parseRange } from 'range-parser';
