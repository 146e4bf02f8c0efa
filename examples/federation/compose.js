// Writes supergraph.graphql, as `rover supergraph compose` does.
import { readFileSync, writeFileSync } from 'node:fs';
import { composeServices } from '@apollo/composition';
import { parse } from 'graphql';

// The schema of graphql-auth comes from a server with INTROSPECTION=on, such as that of a developer.
const [introspectionUrl, accountsUrl, notesUrl] = process.argv.slice(2);

const response = await fetch(introspectionUrl, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ query: '{ _service { sdl } }' }),
});
const { data, errors } = await response.json();
if (errors) throw new Error(errors[0].message);

const composed = composeServices([
  { name: 'accounts', url: accountsUrl, typeDefs: parse(data._service.sdl) },
  { name: 'notes', url: notesUrl, typeDefs: parse(readFileSync('notes.graphql', 'utf8')) },
]);
if (composed.errors) throw new AggregateError(composed.errors, String(composed.errors));
writeFileSync('supergraph.graphql', composed.supergraphSdl);
