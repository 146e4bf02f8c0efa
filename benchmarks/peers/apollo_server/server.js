// Apollo Server 5 as its documentation sets it up for production: "API Reference: expressMiddleware"
// and "Authentication and authorization"; users and passwords are kept as in the Express tutorial.
import cluster from 'node:cluster';
import http from 'node:http';
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginDrainHttpServer } from '@apollo/server/plugin/drainHttpServer';
import { expressMiddleware } from '@as-integrations/express5';
import bcrypt from 'bcryptjs';
import cors from 'cors';
import express from 'express';
import { GraphQLError } from 'graphql';
import jwt from 'jsonwebtoken';
import mongoose from 'mongoose';

const { PORT, MONGO_URI, TOKEN_KEY } = process.env;
const BCRYPT_ROUNDS = Number(process.env.BCRYPT_ROUNDS ?? 12);
const WORKERS = Number(process.env.WORKERS ?? 1);

const User = mongoose.model(
  'user',
  new mongoose.Schema({
    first_name: String,
    last_name: String,
    email: { type: String, unique: true },
    password: String,
  }),
);

const typeDefs = `#graphql
  type User {
    id: ID!
    email: String!
    firstName: String!
    lastName: String!
  }

  type AuthPayload {
    token: String!
    user: User!
  }

  input RegisterInput {
    firstName: String!
    lastName: String!
    email: String!
    password: String!
  }

  input LoginInput {
    email: String!
    password: String!
  }

  type Query {
    welcome: String!
  }

  type Mutation {
    register(input: RegisterInput!): AuthPayload!
    login(input: LoginInput!): AuthPayload!
  }
`;

const resolvers = {
  User: {
    firstName: (user) => user.first_name,
    lastName: (user) => user.last_name,
  },
  Query: {
    welcome(_parent, _variables, { user }) {
      if (!user) throw denied('User is not authenticated', 'UNAUTHENTICATED');
      return 'Welcome 🙌';
    },
  },
  Mutation: {
    async register(_parent, { input }) {
      if (await User.findOne({ email: input.email })) {
        throw denied('The e-mail address has an account already', 'EMAIL_TAKEN');
      }
      const user = await User.create({
        first_name: input.firstName,
        last_name: input.lastName,
        email: input.email,
        password: await bcrypt.hash(input.password, BCRYPT_ROUNDS),
      });
      return { token: signedToken(user), user };
    },
    async login(_parent, { input }) {
      const user = await User.findOne({ email: input.email });
      if (!(user && (await bcrypt.compare(input.password, user.password)))) {
        throw denied('The address or the password is wrong', 'INVALID_CREDENTIALS');
      }
      return { token: signedToken(user), user };
    },
  },
};

function denied(message, code) {
  return new GraphQLError(message, { extensions: { code } });
}

function signedToken(user) {
  return jwt.sign({ user_id: user._id, email: user.email }, TOKEN_KEY, { expiresIn: '2h' });
}

function userOf(authorization) {
  if (!authorization?.startsWith('Bearer ')) return null;
  try {
    return jwt.verify(authorization.slice('Bearer '.length), TOKEN_KEY);
  } catch {
    return null;
  }
}

async function serve() {
  mongoose.connect(MONGO_URI);
  const app = express();
  const httpServer = http.createServer(app);
  const server = new ApolloServer({
    typeDefs,
    resolvers,
    plugins: [ApolloServerPluginDrainHttpServer({ httpServer })],
  });
  await server.start();
  const context = async ({ req }) => ({ user: userOf(req.headers.authorization) });
  app.use('/graphql', cors(), express.json(), expressMiddleware(server, { context }));
  httpServer.listen(Number(PORT), '127.0.0.1');
}

if (cluster.isPrimary && WORKERS > 1) {
  for (let worker = 0; worker < WORKERS; worker++) cluster.fork();
} else {
  await serve();
}
