// Better Auth as its documentation shows it: "Express integration", "MongoDB adapter", "Bearer".
import { betterAuth } from 'better-auth';
import { mongodbAdapter } from 'better-auth/adapters/mongodb';
import { toNodeHandler } from 'better-auth/node';
import { bearer } from 'better-auth/plugins';
import express from 'express';
import { MongoClient } from 'mongodb';

const { MONGO_URI, PORT, TOKEN_KEY } = process.env;
const db = new MongoClient(MONGO_URI).db();
// The adapter makes no indexes.
await db.collection('session').createIndex({ token: 1 }, { unique: true });
await db.collection('user').createIndex({ email: 1 }, { unique: true });
await db.collection('account').createIndex({ userId: 1 });

const auth = betterAuth({
  baseURL: `http://127.0.0.1:${PORT}`,
  secret: TOKEN_KEY,
  database: mongodbAdapter(db),
  emailAndPassword: { enabled: true },
  // All load comes from one IP address.
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  plugins: [bearer()],
});
const app = express();
app.all('/api/auth/*splat', toNodeHandler(auth));
app.listen(Number(PORT), '127.0.0.1');
