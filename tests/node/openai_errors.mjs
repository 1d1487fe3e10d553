// How the SDK of OpenAI names what went wrong, for both of its dialects.

import OpenAI from 'openai';

export const Failure = OpenAI.APIError;

export const TYPES = {
    400: OpenAI.BadRequestError,
    401: OpenAI.AuthenticationError,
    404: OpenAI.NotFoundError,
    429: OpenAI.RateLimitError,
    500: OpenAI.InternalServerError,
};

export function retryAfter(error) {
    return Number(error.headers.get('retry-after'));
}

export const KEEP_ALIVE = ': keep-alive';
