/** The least that a Worker in front of a site can do: it fetches. */
export default {
  /** @param {Request} request @param {any} env */
  fetch(request, env) {
    const { pathname, search } = new URL(request.url);
    return fetch(env.SITE_ORIGIN + pathname + search, request);
  },
};
