import './api/no-eval.ts';
import '@patternfly/react-core/dist/styles/base.css';
import './console.css';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter } from 'react-router';
import { shouldRetry } from './api/retry.ts';
import { App } from './app.tsx';
import { applyTheme, storedTheme } from './layout/theme.ts';

const queries = new QueryClient({
  defaultOptions: {
    queries: { staleTime: 5000, retry: shouldRetry, placeholderData: (before: unknown) => before },
  },
});
applyTheme(storedTheme());
const root = document.getElementById('root');
if (root === null) throw new Error('internal error: the page has no root');
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <BrowserRouter>
        <App />
      </BrowserRouter>
    </QueryClientProvider>
  </StrictMode>,
);
