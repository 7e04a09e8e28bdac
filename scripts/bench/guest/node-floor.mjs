// The least that a supervisor in Node can be: an HTTP server on a Unix socket.
import { createServer } from 'node:http';
import process from 'node:process';

createServer((_request, response) => response.end('OK')).listen(process.argv[2]);
