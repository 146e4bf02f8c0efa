// The application of the well-known tutorial on JWT with Express, as it is in production somewhere.
const bcrypt = require('bcryptjs');
const express = require('express');
const jwt = require('jsonwebtoken');
const mongoose = require('mongoose');

const { MONGO_URI, TOKEN_KEY, API_PORT } = process.env;

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

const signToken = (user) =>
  jwt.sign({ user_id: user._id, email: user.email }, TOKEN_KEY, { expiresIn: '2h' });

async function register(request, response) {
  const { first_name, last_name, email, password } = request.body;
  if (!(email && password && first_name && last_name)) {
    return response.status(400).send('All input is required');
  }
  if (await User.findOne({ email })) {
    return response.status(409).send('User Already Exist. Please Login');
  }
  const encryptedPassword = await bcrypt.hash(password, 10);
  const user = await User.create({
    first_name,
    last_name,
    email: email.toLowerCase(),
    password: encryptedPassword,
  });
  user.token = signToken(user);
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
  user.token = signToken(user);
  // Some readers of the tutorial keep the token.
  await user.save();
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

const app = express();
app.use(express.json());
app.post('/register', register);
app.post('/login', login);
app.get('/welcome', verifyToken, (_request, response) => {
  response.status(200).send('Welcome 🙌 ');
});

async function start() {
  await mongoose.connect(MONGO_URI);
  // Where users share an e-mail, there is no unique index, and the tutorial does not notice.
  await User.init().catch(() => {});
  app.listen(Number(API_PORT), '127.0.0.1');
}

start();
