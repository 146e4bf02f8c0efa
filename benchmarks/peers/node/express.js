// The server of that tutorial.
import express from 'express';
import { createUser, hasPassword, signToken, User, verifyToken } from './users.js';

async function register(request, response) {
  const { first_name, last_name, email, password } = request.body;
  if (!(email && password && first_name && last_name)) {
    return response.status(400).send('All input is required');
  }
  if (await User.findOne({ email })) {
    return response.status(409).send('User Already Exist. Please Login');
  }
  const user = await createUser({ first_name, last_name, email: email.toLowerCase(), password });
  user.token = signToken(user);
  response.status(201).json(user);
}

async function login(request, response) {
  const { email, password } = request.body;
  if (!(email && password)) {
    return response.status(400).send('All input is required');
  }
  const user = await User.findOne({ email });
  if (!(await hasPassword(user, password))) {
    return response.status(400).send('Invalid Credentials');
  }
  user.token = signToken(user);
  response.status(200).json(user);
}

function authenticate(request, response, next) {
  const token = request.body?.token || request.query.token || request.headers['x-access-token'];
  if (!token) {
    return response.status(403).send('A token is required for authentication');
  }
  try {
    request.user = verifyToken(token);
  } catch {
    return response.status(401).send('Invalid Token');
  }
  next();
}

const app = express();
app.use(express.json());
app.post('/register', register);
app.post('/login', login);
app.get('/welcome', authenticate, (_request, response) => {
  response.status(200).send('Welcome 🙌');
});
app.listen(Number(process.env.PORT), '127.0.0.1');
