// The server of that tutorial.
import express from 'express';
import { login, register, verifyToken } from './users.js';

function authenticate(request, response, next) {
  const token = request.body?.token || request.query.token || request.headers['x-access-token'];
  if (!token) return response.status(403).send('A token is required for authentication');
  try {
    request.user = verifyToken(token);
  } catch {
    return response.status(401).send('Invalid Token');
  }
  next();
}

const app = express();
app.use(express.json());
app.post('/register', async (request, response) => {
  const { first_name, last_name, email, password } = request.body;
  if (!(email && password && first_name && last_name)) {
    return response.status(400).send('All input is required');
  }
  const user = await register(first_name, last_name, email.toLowerCase(), password);
  if (!user) return response.status(409).send('User Already Exist. Please Login');
  response.status(201).json(user);
});
app.post('/login', async (request, response) => {
  const { email, password } = request.body;
  if (!(email && password)) return response.status(400).send('All input is required');
  const user = await login(email, password);
  if (!user) return response.status(400).send('Invalid Credentials');
  response.status(200).json(user);
});
app.get('/welcome', authenticate, (_request, response) => {
  response.status(200).send('Welcome 🙌');
});
app.listen(Number(process.env.PORT), '127.0.0.1');
