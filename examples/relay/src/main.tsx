import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { start } from '../../shared/session';
import { App } from './App';
import '../../shared/style.css';

void start();
const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
