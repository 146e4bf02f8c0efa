// Users of both servers, as in the well-known tutorial on JWT with Express: mongoose, jsonwebtoken
// and bcrypt. A careful user takes the native one, which hashes on other threads.
import jwt from 'jsonwebtoken';
import mongoose from 'mongoose';

const { BCRYPT, BCRYPT_ROUNDS, MONGO_URI, TOKEN_KEY } = process.env;
const { default: bcrypt } = await import(BCRYPT ?? 'bcrypt');

mongoose.connect(MONGO_URI);

const User = mongoose.model(
  'user',
  new mongoose.Schema({
    first_name: { type: String, default: null },
    last_name: { type: String, default: null },
    email: { type: String, unique: true },
    password: { type: String },
    token: { type: String },
  }),
);

export async function register(first_name, last_name, email, password) {
  if (await User.findOne({ email })) return null;
  const hash = await bcrypt.hash(password, Number(BCRYPT_ROUNDS));
  const user = await User.create({ first_name, last_name, email, password: hash });
  return withToken(user);
}

export async function login(email, password) {
  const user = await User.findOne({ email });
  return user && (await bcrypt.compare(password, user.password)) ? withToken(user) : null;
}

function withToken(user) {
  user.token = jwt.sign({ user_id: user._id, email: user.email }, TOKEN_KEY, { expiresIn: '2h' });
  return user;
}

export const verifyToken = (token) => jwt.verify(token, TOKEN_KEY);
