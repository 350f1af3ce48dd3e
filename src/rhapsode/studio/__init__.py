"""The studio: pages in the browser on which people use models, over the paths of the server"""
