/** The least a Worker can do: what is measured here is the platform itself. */
export default {
  fetch() {
    return new Response("hi");
  },
};
