// A second subgraph: the notes of notes.json, which anyone may read.
import { readFileSync } from 'node:fs';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { parse } from 'graphql';

const notes = JSON.parse(readFileSync('notes.json', 'utf8'));

const resolvers = {
  Query: {
    node: (_, { id }) => notes.find((note) => note.id === id),
    notes: () => ({
      edges: notes.map((node) => ({ cursor: node.id, node })),
      pageInfo: { hasNextPage: false, hasPreviousPage: false },
    }),
  },
  Node: { __resolveType: () => 'Note' },
  Note: {
    __resolveReference: ({ id }) => notes.find((note) => note.id === id),
    author: ({ authorId }) => ({ __typename: 'User', id: authorId }),
  },
  User: { notes: ({ id }) => notes.filter((note) => note.authorId === id) },
};

const typeDefs = parse(readFileSync('notes.graphql', 'utf8'));
const server = new ApolloServer({ schema: buildSubgraphSchema({ typeDefs, resolvers }) });
const port = Number(process.env.NOTES_PORT ?? 4002);
await startStandaloneServer(server, { listen: { host: '127.0.0.1', port } });
