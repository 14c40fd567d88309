// Starts GraphiQL against the GraphQL endpoint of the page's own host. What stands in the headers
// editor goes along with requests, and into the init payload of the socket for subscriptions.
'use strict';

(() => {
  const url = '/graphql';
  const socketUrl = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${url}`;
  let socket = { key: null, client: null };

  // One socket as long as the headers stay the same: the token is read when it opens.
  function clientFor(headers) {
    const key = JSON.stringify(headers);
    if (socket.key !== key) {
      if (socket.client) socket.client.dispose();
      const client = graphqlWs.createClient({ url: socketUrl, lazy: true, connectionParams: headers });
      socket = { key, client };
    }
    return socket.client;
  }

  function fetcher(parameters, options) {
    const headers = (options && options.headers) || {};
    return GraphiQL.createFetcher({ url, wsClient: clientFor(headers) })(parameters, options);
  }

  ReactDOM.createRoot(document.getElementById('graphiql')).render(
    React.createElement(GraphiQL, {
      fetcher,
      isHeadersEditorEnabled: true,
      shouldPersistHeaders: false,
      defaultEditorToolsVisibility: 'headers',
      defaultQuery: '{\n  health\n}\n',
    }),
  );
})();
