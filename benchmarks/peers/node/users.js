// Users of both servers, as in the well-known tutorial on JWT with Express: mongoose, jsonwebtoken
// and bcrypt. A careful user takes the native one, which hashes on other threads.
import jwt from 'jsonwebtoken';
import mongoose from 'mongoose';

const { MONGO_URI, TOKEN_KEY } = process.env;
const { default: bcrypt } = await import(process.env.BCRYPT ?? 'bcrypt');
const BCRYPT_ROUNDS = Number(process.env.BCRYPT_ROUNDS ?? 12);

mongoose.connect(MONGO_URI);

export const User = mongoose.model(
  'user',
  new mongoose.Schema({
    first_name: { type: String, default: null },
    last_name: { type: String, default: null },
    email: { type: String, unique: true },
    password: { type: String },
    token: { type: String },
  }),
);

export async function createUser(fields) {
  const password = await bcrypt.hash(fields.password, BCRYPT_ROUNDS);
  return User.create({ ...fields, password });
}

export const hasPassword = (user, password) => user && bcrypt.compare(password, user.password);

export const signToken = (user) =>
  jwt.sign({ user_id: user._id, email: user.email }, TOKEN_KEY, { expiresIn: '2h' });

export const verifyToken = (token) => jwt.verify(token, TOKEN_KEY);
