// A Worker that needs no build: GET answers "ready", POST runs the statement {sql, params} on the database that
// the binding DB names, and answers {results, meta}, or status 500 with the text of D1's error.

export default {
  async fetch(request, env) {
    if (request.method !== "POST") return new Response("ready");
    const { sql, params = [] } = await request.json();
    try {
      const { results, meta } = await env.DB.prepare(sql).bind(...params).all();
      return Response.json({ results, meta });
    } catch (error) {
      return new Response(error.message, { status: 500 });
    }
  },
};
