// A server between a browser and the API, at 127.0.0.1:PORT, until it is stopped:
//   node origins.js vite|rewrites|renderer PORT API_ORIGIN [ORIGIN_OF_PAGES | "forwarded"]
import { createServer } from 'node:http';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { createServer as createViteServer } from 'vite';

const [kind, port, target, option] = process.argv.slice(2);
const host = '127.0.0.1';
const xfwd = option === 'forwarded';

/** As the configuration of a development server has it, `changeOrigin` included. */
async function serveVite() {
  const proxy = { '/graphql': { target, changeOrigin: true, xfwd } };
  const server = { host, port: Number(port), strictPort: true, proxy, hmr: false, ws: false };
  const vite = await createViteServer({ configFile: false, logLevel: 'error', server });
  await vite.listen();
}

/** As the `rewrites` of Next.js do: with the host of the target and X-Forwarded-Host. */
function serveRewrites() {
  createServer(createProxyMiddleware({ target, changeOrigin: true, xfwd })).listen(port, host);
}

/** Renders pages for a browser; refreshes its session with the cookie that the browser sent. */
function serveRenderer() {
  createServer(async (request, response) => {
    const headers = { 'content-type': 'application/json', cookie: request.headers.cookie ?? '' };
    if (option) Object.assign(headers, { origin: option, 'sec-fetch-site': 'same-origin' });
    const body = JSON.stringify({ query: 'mutation { refreshToken { token } }' });
    const answer = await fetch(`${target}/graphql`, { method: 'POST', headers, body });
    response.setHeader('set-cookie', answer.headers.getSetCookie());
    response.end(await answer.text());
  }).listen(port, host);
}

await { vite: serveVite, rewrites: serveRewrites, renderer: serveRenderer }[kind]();
