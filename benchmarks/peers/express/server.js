// The server of the well-known tutorial on JWT with Express, mongoose, jsonwebtoken and bcryptjs; its
// processes are those of Express' "Production best practices" (node:cluster).
import cluster from 'node:cluster';
import bcrypt from 'bcryptjs';
import express from 'express';
import jwt from 'jsonwebtoken';
import mongoose from 'mongoose';

const { PORT, MONGO_URI, TOKEN_KEY } = process.env;
const BCRYPT_ROUNDS = Number(process.env.BCRYPT_ROUNDS ?? 12);
const WORKERS = Number(process.env.WORKERS ?? 1);

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

function signedToken(user) {
  return jwt.sign({ user_id: user._id, email: user.email }, TOKEN_KEY, { expiresIn: '2h' });
}

async function register(request, response) {
  const { first_name, last_name, email, password } = request.body;
  if (!(email && password && first_name && last_name)) {
    return response.status(400).send('All input is required');
  }
  if (await User.findOne({ email })) {
    return response.status(409).send('User Already Exist. Please Login');
  }
  const user = await User.create({
    first_name,
    last_name,
    email: email.toLowerCase(),
    password: await bcrypt.hash(password, BCRYPT_ROUNDS),
  });
  user.token = signedToken(user);
  response.status(201).json(user);
}

async function login(request, response) {
  const { email, password } = request.body;
  if (!(email && password)) {
    return response.status(400).send('All input is required');
  }
  const user = await User.findOne({ email });
  if (!(user && (await bcrypt.compare(password, user.password)))) {
    return response.status(400).send('Invalid Credentials');
  }
  user.token = signedToken(user);
  response.status(200).json(user);
}

function verifyToken(request, response, next) {
  const token = request.body?.token || request.query.token || request.headers['x-access-token'];
  if (!token) {
    return response.status(403).send('A token is required for authentication');
  }
  try {
    request.user = jwt.verify(token, TOKEN_KEY);
  } catch {
    return response.status(401).send('Invalid Token');
  }
  next();
}

function serve() {
  mongoose.connect(MONGO_URI);
  const app = express();
  app.use(express.json());
  app.post('/register', register);
  app.post('/login', login);
  app.get('/welcome', verifyToken, (_request, response) => {
    response.status(200).send('Welcome 🙌');
  });
  app.listen(Number(PORT), '127.0.0.1');
}

if (cluster.isPrimary && WORKERS > 1) {
  for (let worker = 0; worker < WORKERS; worker++) cluster.fork();
} else {
  serve();
}
